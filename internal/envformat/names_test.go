package envformat_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/envformat"
)

func TestName(t *testing.T) {
	for _, tc := range []struct{ prefix, provider, field, name string }{
		{"", "openai-gpt4", "api_key", "OPENAI_GPT4_API_KEY"},
		{"", "local.llama", "api key", "LOCAL_LLAMA_API_KEY"},
		{"", "OpenAI", "Schlüssel", "OPENAI_SCHL_SSEL"},
		{"", "a", "ıſﬁ", "A____"}, // strings.ToUpper turns these into ASCII
		{"APP_", "openai", "api_key", "APP_OPENAI_API_KEY"},
		{"app", "openai", "api_key", "appOPENAI_API_KEY"},
		{"_", "4o", "api_key", "_4O_API_KEY"},
		{"MY_", "ld", "preload", "MY_LD_PRELOAD"},
	} {
		environment, err := envformat.New(tc.prefix)
		if err == nil {
			err = environment.Add(tc.provider, tc.field, "fake")
		}
		if err != nil || !slices.Equal(environment.Variables(), []envformat.Variable{{Name: tc.name, Value: "fake"}}) {
			t.Errorf("%s and %s: %v, %v, want %s", tc.provider, tc.field, environment, err, tc.name)
		}
	}
}

func TestAdd_Refuses(t *testing.T) {
	environment, err := envformat.New("")
	if err != nil {
		t.Fatal(err)
	}
	if err := environment.Add("a-b", "c", "fake-1"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		provider, field, value string
		says                   []string
	}{
		{"a", "b_c", "fake-2", []string{`field "c" of a-b`, `field "b_c" of a`, "A_B_C"}},
		{"a.b", "C", "fake-2", []string{`field "c" of a-b`, `field "C" of a.b`, "A_B_C"}},
		{"4o", "api_key", "fake-2", []string{"4O_API_KEY", `field "api_key" of 4o`, "digit"}},
		{"ld", "preload", "fake-2", []string{"LD_PRELOAD", `field "preload" of ld`}},
		{"bash", "env", "fake-2", []string{"BASH_ENV"}},
		{"vault", "token", "fake-2", []string{"VAULT_TOKEN"}},
		{"p", "f", "fake\x00-2", []string{"NUL"}},
		{"p", "f", "fake\xff-2", []string{"UTF-8"}},
	} {
		err := environment.Add(tc.provider, tc.field, tc.value)
		why, ok := errors.AsType[*envformat.Refusal](err)
		if !ok || why.Provider != tc.provider || why.Field != tc.field || why.Hint == "" {
			t.Errorf("Add(%q, %q) = %+v, want a refusal that names both, with a hint", tc.provider, tc.field, err)
			continue
		}
		for _, text := range tc.says {
			if !strings.Contains(why.Detail, text) || strings.Contains(why.Detail, tc.value) {
				t.Errorf("Add(%q, %q) = %q, want %q in it and no value", tc.provider, tc.field, why.Detail, text)
			}
		}
	}
	if got := len(environment.Variables()); got != 1 {
		t.Errorf("Variables() has %d variables after refused Adds, want 1", got)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"PATH", "path", "Path", "HOME", "IFS", "ENV", "PS4", "LD_PRELOAD", "LD_ANYTHING", "DYLD_INSERT_LIBRARIES", "BASH_ENV", "BASH_FUNC_a",
		"SHELLOPTS", "PROMPT_COMMAND", "GCONV_PATH", "GLIBC_TUNABLES", "NODE_OPTIONS", "PYTHONPATH", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS",
		"GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "HTTP_PROXY", "https_proxy", "SSL_CERT_FILE", "COMSPEC", "PATHEXT", "SystemRoot",
		"VAULT_ADDR", "VAULTKIT_AUTH", "ACTIONS_ALLOW_UNSECURE_COMMANDS", "ACTIONS_RUNTIME_URL",
		"XDG_CONFIG_HOME", "GNUPGHOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "ERL_AFLAGS", "GIT_TRACE", "GIT_TRACE2_EVENT",
		"R_HOME", "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON", "R_ENVIRON_USER", "R_LIBS", "R_LIBS_USER", "TF_CLI_ARGS_apply", "TF_CLI_CONFIG_FILE",
		"ANSIBLE_CONFIG", "DOTNET_STARTUP_HOOKS", "DOTNET_ROOT", "JAVA_HOME", "PKG_CONFIG_PATH",
		"NULLCMD", "ALL_PROXY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "OPENSSL_CONF", "KUBECONFIG", "LUA_PATH", "LUA_PATH_5_4", "BASH_LOADABLES_PATH", "MAVEN_OPTS",
		"", "1A", "A-B", "A B", "A=B", "A\n", "Ä", "A;B", "sk-fake-0123",
	} {
		err := envformat.CheckName(name)
		if err == nil {
			t.Errorf("CheckName(%q) = nil, want an error", name)
		} else if strings.HasPrefix(name, "sk-") && strings.Contains(err.Error(), name) {
			t.Errorf("CheckName(%q) = %v, want an error without the name, which may be a value", name, err)
		}
	}
	for _, name := range []string{"A", "_", "a1", "OPENAI_API_KEY", "PATHS", "MY_PATH", "GITHUB_TOKEN", "GIT_TOKEN", "NODE_KEY", "VAULTED", "ENV_KEY", "LC_API_KEY",
		"R_API_KEY", "TF_API_KEY", "JAVA_API_KEY", "AWS_API_KEY", "ERLANG_API_KEY", "R"} {
		if err := envformat.CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v, want nil", name, err)
		}
	}
	for prefix, taken := range map[string]bool{"": true, "A": true, "a_": true, "_1": true, "1": false, "A-": false, "A B": false, "A\n": false, "ä": false} {
		if err := envformat.CheckPrefix(prefix); (err == nil) != taken {
			t.Errorf("CheckPrefix(%q) = %v, want nil: %t", prefix, err, taken)
		}
	}
}

// TestName_RefusesDangerousNames checks the rules: each family has members that no list in the
// code contains.
func TestName_RefusesDangerousNames(t *testing.T) {
	for _, name := range []string{
		"GTK_MODULES", "GIO_EXTRA_MODULES", "QT_PLUGIN_PATH", "BUN_OPTIONS", "ELECTRON_RUN_AS_NODE", "JAVA_OPTS", "YARN_PLUGINS", "COMPOSER_HOME",
		"AWS_ENDPOINT_URL", "UV_INDEX_URL", "NODE_V8_COVERAGE", "KUBE_EDITOR", "SYSTEMD_PAGER", "FZF_DEFAULT_OPTS", "DOCKER_CONTEXT", "COMPOSE_FILE",
		"JULIA_LOAD_PATH", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
		// Dangerous by the first word.
		"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "DOCKER_BUILDKIT", "GIT_ALLOW_PROTOCOL", "NODE_PENDING_DEPRECATION", "UV_PYTHON", "DENO_NO_PROMPT", "LUA_INIT_5_4",
		"PYTHON_GIL", "HELM_DRIVER", "SSH_ASKPASS_REQUIRE",
		// Dangerous by the last word, for any program.
		"GH_PAGER", "BAT_PAGER", "DELTA_PAGER", "RIPGREP_CONFIG_PATH", "STARSHIP_CONFIG", "SBT_OPTS", "KAFKA_OPTS", "CATALINA_OPTS", "ANT_ARGS",
		"JETTY_HOME", "MOZ_PLUGIN_PATH", "VIM_INIT", "RSYNC_RSH_COMMAND", "CCACHE_PREFIX_COMMAND", "GRPC_PROXY", "SOCKS_PROXY", "OCAML_LIB",
		"POETRY_CACHE_DIR", "ASDF_CONFIG_FILE", "TCL_LIBRARY", "LLVM_PROFILE_FILE", "X_LOADER", "FOO_PATH_2",
	} {
		provider, field, _ := strings.Cut(strings.ToLower(name), "_")
		_, err := envformat.Name("", provider, field)
		why, ok := errors.AsType[*envformat.Refusal](err)
		if !ok || !why.BadName || !strings.Contains(why.Detail, name) || !strings.Contains(why.Hint, "prefix") {
			t.Errorf("Name(%q, %q) = %v, want a refusal of %s", provider, field, err, name)
		}
		if got, err := envformat.Name("APP_", provider, field); err != nil || !strings.HasPrefix(got, "APP_") {
			t.Errorf("Name(APP_, %q, %q) = %q, %v, want that a prefix helps", provider, field, got, err)
		}
	}
}

// TestName_RefusesAPrefixThatCompletesAWord checks that only a prefix that ends in _ makes a
// name the user's own.
func TestName_RefusesAPrefixThatCompletesAWord(t *testing.T) {
	for _, name := range [][3]string{{"J", "ava", "opts"}, {"S", "bt", "opts"}, {"LD", "", "preload"}, {"G", "it", "dir"}} {
		if got, err := envformat.Name(name[0], name[1], name[2]); err == nil {
			t.Errorf("Name(%q) = %q, want a refusal", name, got)
		}
	}
}

// TestName_AcceptsProvidersKeys checks the names that the manuals and clients of AI providers
// use.
func TestName_AcceptsProvidersKeys(t *testing.T) {
	for _, name := range []string{
		"OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_VERSION",
		"OPENAI_GPT4_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL",
		"AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_DEPLOYMENT", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
		"AZURE_TENANT_ID", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_APPLICATION_CREDENTIALS", "GEMINI_API_KEY", "VERTEX_CREDENTIALS",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN", "BEDROCK_API_KEY",
		"MISTRAL_API_KEY", "COHERE_API_KEY", "GROQ_API_KEY", "XAI_API_KEY", "DEEPSEEK_API_KEY", "TOGETHER_API_KEY", "FIREWORKS_API_KEY", "PERPLEXITY_API_KEY",
		"OPENROUTER_API_KEY", "HUGGINGFACE_HUB_TOKEN", "HF_TOKEN", "REPLICATE_API_TOKEN", "CO_API_KEY", "NVIDIA_API_KEY", "DATABRICKS_HOST", "DATABRICKS_TOKEN",
		"WATSONX_URL", "WATSONX_APIKEY", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_EMAIL", "ELEVENLABS_API_KEY", "LITELLM_MASTER_KEY",
		"LANGFUSE_PUBLIC_KEY", "LANGFUSE_HOST", "PINECONE_ENVIRONMENT", "LOCAL_LLAMA_API_KEY", "LOCAL_LLAMA_API_SECRET", "GITHUB_TOKEN", "GIT_TOKEN",
		"DOCKER_USERNAME", "DOCKER_PASSWORD", "NPM_TOKEN", "GO_API_KEY", "R_API_KEY", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_PRIVATE_KEY", "STRIPE_WEBHOOK_SECRET", "P_CLIENT_CERT", "P_PEM",
	} {
		provider, field, _ := strings.Cut(strings.ToLower(name), "_")
		if got, err := envformat.Name("", provider, field); got != name || err != nil {
			t.Errorf("Name(%q, %q) = %q, %v, want %s", provider, field, got, err, name)
		}
	}
}

// FuzzNames checks that a name of any provider, field and prefix is one that shells accept and
// that is not dangerous, or is refused.
func FuzzNames(f *testing.F) {
	for _, seed := range [][3]string{{"", "openai-gpt4", "api_key"}, {"", "ld", "preload"}, {"1", "a", "b"}, {"", "4o", "k"}, {"x_", "ü", "\n"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	grammar := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	f.Fuzz(func(t *testing.T, prefix, provider, field string) {
		environment, err := envformat.New(prefix)
		if err != nil {
			return
		}
		err = environment.Add(provider, field, "fake")
		again := environment.Add(provider, field, "fake")
		if again == nil {
			t.Fatalf("the second Add(%q, %q) = nil, want an error", provider, field)
		}
		for _, v := range environment.Variables() {
			if !grammar.MatchString(v.Name) || envformat.CheckName(v.Name) != nil || !strings.HasPrefix(v.Name, prefix) || err != nil {
				t.Errorf("with prefix %q Add(%q, %q) = %v and the name %q, want a valid name", prefix, provider, field, err, v.Name)
			}
		}
	})
}

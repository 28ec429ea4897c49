package envfile_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/envfile"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct{ prefix, provider, field, name string }{
		{"", "openai-gpt4", "api_key", "OPENAI_GPT4_API_KEY"},
		{"", "local.llama", "api key", "LOCAL_LLAMA_API_KEY"},
		{"", "OpenAI", "Schlüssel", "OPENAI_SCHL_SSEL"},
		{"", "a", "ıſﬁ", "A____"}, // which strings.ToUpper turns into ASCII
		{"APP_", "openai", "api_key", "APP_OPENAI_API_KEY"},
		{"app", "openai", "api_key", "appOPENAI_API_KEY"},
		{"_", "4o", "api_key", "_4O_API_KEY"},
		{"MY_", "ld", "preload", "MY_LD_PRELOAD"},
	} {
		environment, err := envfile.New(tc.prefix)
		if err == nil {
			err = environment.Add(tc.provider, tc.field, "fake")
		}
		if err != nil || !slices.Equal(environment.Variables(), []envfile.Variable{{Name: tc.name, Value: "fake"}}) {
			t.Errorf("%s and %s: %v, %v, want %s", tc.provider, tc.field, environment, err, tc.name)
		}
	}
}

func TestNamesRefused(t *testing.T) {
	environment, err := envfile.New("")
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
		why, ok := errors.AsType[*envfile.Refusal](err)
		if !ok || why.Provider != tc.provider || why.Field != tc.field || why.Hint == "" {
			t.Errorf("%s and %s: %+v", tc.provider, tc.field, err)
			continue
		}
		for _, text := range tc.says {
			if !strings.Contains(why.Detail, text) || strings.Contains(why.Detail, tc.value) {
				t.Errorf("%s and %s: %q, want %q", tc.provider, tc.field, why.Detail, text)
			}
		}
	}
	if got := len(environment.Variables()); got != 1 {
		t.Errorf("%d variables were added", got)
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
		"", "1A", "A-B", "A B", "A=B", "A\n", "Ä", "A;B", "sk-fake-0123",
	} {
		err := envfile.CheckName(name)
		if err == nil {
			t.Errorf("%q is taken", name)
		} else if strings.HasPrefix(name, "sk-") && strings.Contains(err.Error(), name) {
			t.Errorf("what may be a value is repeated: %v", err)
		}
	}
	for _, name := range []string{"A", "_", "a1", "OPENAI_API_KEY", "PATHS", "MY_PATH", "GITHUB_TOKEN", "GIT_TOKEN", "NODE_KEY", "VAULTED", "ENV_KEY", "LC_API_KEY",
		"R_API_KEY", "TF_API_KEY", "JAVA_API_KEY", "AWS_API_KEY", "ERLANG_API_KEY", "R"} {
		if err := envfile.CheckName(name); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
	for prefix, taken := range map[string]bool{"": true, "A": true, "a_": true, "_1": true, "1": false, "A-": false, "A B": false, "A\n": false, "ä": false} {
		if err := envfile.CheckPrefix(prefix); (err == nil) != taken {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

// FuzzNames: whatever a provider, a field and a prefix are called, the name is one
// that shells take and no program obeys, or it is refused.
func FuzzNames(f *testing.F) {
	for _, seed := range [][3]string{{"", "openai-gpt4", "api_key"}, {"", "ld", "preload"}, {"1", "a", "b"}, {"", "4o", "k"}, {"x_", "ü", "\n"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	grammar := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	f.Fuzz(func(t *testing.T, prefix, provider, field string) {
		environment, err := envfile.New(prefix)
		if err != nil {
			return
		}
		err = environment.Add(provider, field, "fake")
		again := environment.Add(provider, field, "fake")
		if again == nil {
			t.Fatal("the same field is added twice")
		}
		for _, v := range environment.Variables() {
			if !grammar.MatchString(v.Name) || envfile.CheckName(v.Name) != nil || !strings.HasPrefix(v.Name, prefix) || err != nil {
				t.Errorf("%q, %q and %q: %q, %v", prefix, provider, field, v.Name, err)
			}
		}
	})
}

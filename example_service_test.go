package vaultkit_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"

	"goblin/vaultkit"
	"goblin/vaultkit/envfile"
	"goblin/vaultkit/event"
)

// Log in with an auth method for the official client. This one is for AppRole; the packages aws,
// azure, gcp, ldap and userpass beside it are used in the same way. The function runs at each
// login, so that it reads credentials that were replaced.
func ExampleWithAuthMethod() {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("VAULT_ADDR")),
		vaultkit.WithAuthMethod("approle", func(context.Context) (api.AuthMethod, error) {
			roleID, err := os.ReadFile(filepath.Join(credentials, "role-id"))
			if err != nil {
				return nil, err
			}
			secretID := &approle.SecretID{FromFile: filepath.Join(credentials, "secret-id")}
			return approle.NewAppRoleAuth(strings.TrimSpace(string(roleID)), secretID)
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("logged in")
	// Output: logged in
}

// Leave the login to a Vault Agent or Proxy, which adds its token to each request. Its address is
// often a unix socket.
func ExampleWithoutLogin() {
	client, err := vaultkit.New(context.Background(),
		vaultkit.WithAddress(os.Getenv("AGENT_ADDR")), // such as "unix:///run/vault/agent.sock"
		vaultkit.WithoutLogin(),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println("the proxy has a valid token")
	// Output: the proxy has a valid token
}

// A service reads its keys from memory, and logs when one is stale because Vault is down.
func ExampleWithCache() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
		vaultkit.WithCache(time.Minute, 24*time.Hour),
		vaultkit.WithProviders("openai-gpt4"), // fetched by New; reading it never waits
		vaultkit.WithObserver(func(e event.Event) {
			if e.Kind == event.Stale {
				log.Printf("%s is stale: %v", e.Provider, e.Err)
			}
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	key, err := client.GetAPIKey(ctx, "openai-gpt4") // takes nanoseconds
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a key of", len(key), "characters")
	// Output: a key of 15 characters
}

// Observe what a client does. This observer prints the phases of a rotation.
func ExampleWithObserver() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
		vaultkit.WithObserver(func(e event.Event) {
			if e.Kind == event.Rotation {
				fmt.Println(e.Provider, e.Phase)
			}
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	if _, err := client.Rotate(ctx, "voyage", vaultkit.NewKey("fake-2")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// voyage begun
	// voyage backed-up
	// voyage committed
	// voyage recorded
}

// An HTTP client that is replaced when its key is rotated.
func ExampleNewUpdater() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	updater, err := vaultkit.NewUpdater(ctx, client, "openai-gpt4", vaultkit.UpdaterConfig[*http.Client]{
		Build: func(_ context.Context, keys vaultkit.ProviderKeys) (*http.Client, error) {
			return &http.Client{Transport: bearer{keys.APIKey()}}, nil
		},
		Close: func(old *http.Client) { old.CloseIdleConnections() },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer updater.Close()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("PROVIDER_URL"), http.NoBody)
	if err != nil {
		log.Fatal(err)
	}
	response, err := updater.Get().Do(request) // Get returns the newest client
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output: 200 OK
}

// bearer adds the key to each request.
type bearer struct{ key string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return http.DefaultTransport.RoundTrip(r)
}

// Watch yields the keys, and the new ones after each rotation.
func ExampleClient_Watch() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for keys, err := range client.Watch(ctx, "nvidia") {
		if err != nil {
			log.Print(err) // the last keys may still be valid; Watch continues
			continue
		}
		fmt.Println("the key is", keys.APIKey())
		if keys.APIKey() == "fake-2" {
			break // a service continues until ctx ends
		}
		if _, err := client.Rotate(ctx, "nvidia", vaultkit.NewKey("fake-2")); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// the key is fake-1
	// the key is fake-2
}

// A readiness probe uses Ready, an alarm OK.
func ExampleClient_Health() {
	client, err := vaultkit.New(context.Background(), vaultkit.WithEnvironment(),
		vaultkit.WithCache(time.Minute, 24*time.Hour), vaultkit.WithProviders("openai-gpt4"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	http.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !client.Health().Ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	health := client.Health()
	fmt.Println("ready:", health.Ready(), "everything works:", health.OK())
	// Output: ready: true everything works: true
}

// Trace each request with a wrapper around the transport. examples/opentelemetry does this with
// OpenTelemetry.
func ExampleWithTransport_tracing() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
		vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper { return spans{next} }))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	if _, err := client.Providers(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// GET /v1/auth/token/lookup-self 200
	// GET /v1/sys/internal/ui/mounts/secret 200
	// GET /v1/secret/metadata/goblin-assistant/providers 200
}

// spans prints a span for each request: its method and path, but no header and no body.
type spans struct{ next http.RoundTripper }

func (s spans) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.next.RoundTrip(r)
	if err == nil {
		fmt.Println(r.Method, r.URL.Path, response.StatusCode)
	}
	return response, err
}

// A child process gets the keys of one provider, and no credential for Vault.
func ExampleClient_Environ() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	environ, err := client.Environ(ctx, vaultkit.EnvQuery{Providers: []string{"ollama"}})
	if err != nil {
		log.Fatal(err)
	}
	child := exec.Command("/usr/bin/env") // your program
	child.Env = environ
	out, err := child.Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(out))
	// Output:
	// OLLAMA_API_KEY=demo
	// OLLAMA_API_SECRET=demo
}

// A program sets the variables for libraries that read their keys from the environment. It does so
// before it starts anything else.
func ExampleClient_LoadEnv() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	names, err := client.LoadEnv(ctx, vaultkit.EnvQuery{Providers: []string{"openai-gpt4"}, Prefix: "APP_"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(names)
	fmt.Println("a key of", len(os.Getenv("APP_OPENAI_GPT4_API_KEY")), "characters")
	// Output:
	// [APP_OPENAI_GPT4_API_KEY APP_OPENAI_GPT4_ORGANIZATION]
	// a key of 15 characters
}

// Write a file for "source .env.vault", which only its owner can read.
func ExampleClient_WriteEnvFile() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, ".env.vault")
	names, err := client.WriteEnvFile(ctx, path, envfile.Sh, vaultkit.EnvQuery{Providers: []string{"ollama"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrote", names)
	// Output: wrote [OLLAMA_API_KEY OLLAMA_API_SECRET]
}

// In a job of GitHub Actions, mask the values before anything prints them.
func ExampleEnvQuery_masks() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	environ, err := client.Environ(ctx, vaultkit.EnvQuery{Providers: []string{"ollama"}, Masks: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	if err := envfile.Encode(os.Stdout, envfile.Sh, environ); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ::add-mask::demo
	// export OLLAMA_API_KEY='demo';
	// export OLLAMA_API_SECRET='demo';
}

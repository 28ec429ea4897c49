package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/envfile"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/vaulttest"
)

// A scheduled job asks which keys are due, under the monitor's policy: it cannot
// read a key.
func ExampleClient_Status() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	_, err := client.Rotate(ctx, "deepseek", vaultkit.NewKey("fake-2"), vaultkit.WithExpiresAt(time.Now().AddDate(0, 0, 5)))
	if err != nil {
		log.Fatal(err)
	}
	for status, err := range client.Status(ctx, vaultkit.StatusQuery{
		Providers: []string{"deepseek", "fireworks"},
		DueWithin: 7 * 24 * time.Hour,
		MaxAge:    90 * 24 * time.Hour, // quarterly; in development monthly
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s version %d: due %q\n", status.Provider, status.Version, status.Due)
	}
	// Output:
	// deepseek version 2: due "expiring"
	// fireworks version 1: due ""
}

// retirer stands for a provider's API that revokes keys.
type retirer struct{}

func (retirer) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	fmt.Println("revoked the old", keys.Fields(), "of", target.Provider)
	return nil
}

// The new key works everywhere: the old one is revoked at the provider, and the
// history says so.
func ExampleClient_RevokeOld() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	rotation, err := client.Rotate(ctx, "fireworks", vaultkit.NewKey("fake-fireworks-2"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.RevokeOld(ctx, "fireworks", rotation.ID, retirer{}, vaultkit.WithActor("release job 42")); err != nil {
		log.Fatal(err)
	}
	history, err := client.History(ctx, "fireworks")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("by", history[0].Revocation.Actor)

	// The key that was revoked does not come back by accident.
	_, err = client.Rollback(ctx, "fireworks", rotation.Backup)
	fmt.Println("refused:", errors.Is(err, vaultkit.ErrInvalid))
	// Output:
	// revoked the old [api_key] of fireworks
	// by release job 42
	// refused: true
}

// A rotation crashed after its backup. Abort makes sure that it is never applied, even if its
// commit is still in the network.
func ExampleClient_Abort() {
	err := rotateAndCrash("perplexity", false)
	fmt.Println("undetermined:", errors.Is(err, vaultkit.ErrUndetermined))

	client := exampleClient()
	defer client.Close()
	found, err := client.Recover(context.Background(), "perplexity")
	if err != nil {
		log.Fatal(err)
	}
	for _, rotation := range found {
		fmt.Println(rotation.Outcome)
		aborted, err := client.Abort(context.Background(), rotation.Provider, rotation.ID)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(aborted.Outcome+",", aborted.Cause)
	}
	// Output:
	// undetermined: true
	// undecided
	// aborted, fenced by version 2
}

// Old backups go, values included; their records stay.
func ExampleClient_PruneBackups() {
	client := exampleClient()
	defer client.Close()
	ctx := context.Background()

	for range 3 {
		if _, err := client.Rotate(ctx, "xai", vaultkit.RandomKey()); err != nil {
			log.Fatal(err)
		}
	}
	pruned, err := client.PruneBackups(ctx, "xai", vaultkit.PruneLimits{KeepNewest: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, backup := range pruned {
		fmt.Println("the backup of version", backup.Version, "is gone")
	}
	// Output: the backup of version 1 is gone
}

// Every development key gets a random successor. One that fails does not stop the
// others.
func ExampleClient_RotateAll() {
	client := exampleClient()
	defer client.Close()

	for one := range client.RotateAll(context.Background(), 4, []string{"mistral", "nobody"}, vaultkit.RandomKey()) {
		switch {
		case errors.Is(one.Err, vaultkit.ErrNotFound):
			fmt.Println(one.Provider, "is not there")
		case one.Err != nil:
			log.Fatal(one.Err)
		default:
			fmt.Println(one.Provider, one.Rotation.Outcome)
		}
	}
	// Output:
	// mistral committed
	// nobody is not there
}

// A service reads its keys from memory, and hears when Vault cannot be asked.
func ExampleWithCache() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
		vaultkit.WithCache(time.Minute, 24*time.Hour),
		vaultkit.WithProviders("openai-gpt4"), // fetched now: reading it never waits
		vaultkit.WithObserver(func(e event.Event) {
			if e.Kind == event.Stale {
				log.Printf("%s is stale: %v", e.Provider, e.Err)
			}
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	key, err := client.GetAPIKey(ctx, "openai-gpt4")
	fmt.Println(len(key) > 0, err, client.Health().Ready())
	// Output: true <nil> true
}

// An HTTP client that is made anew when its key is rotated.
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
	fmt.Println(updater.Get() != nil, updater.Err())
	// Output: true <nil>
}

type bearer struct{ key string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return http.DefaultTransport.RoundTrip(r)
}

// Tracing goes around the transport. Here is a span of one's own;
// examples/opentelemetry has the example with OpenTelemetry's otelhttp, a module of
// its own, so that the library needs no part of that.
func ExampleWithTransport_tracing() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.WithAddress(vaulttest.Server().Addr()),
		vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())),
		vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper { return spans{next} }))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, _ = client.Providers(ctx)
	// Output:
	// GET /v1/auth/token/lookup-self 200
	// GET /v1/sys/internal/ui/mounts/secret 200
	// GET /v1/secret/metadata/goblin-assistant/providers 200
}

// spans prints a span for each request: its path, but no header and no body.
type spans struct{ next http.RoundTripper }

func (s spans) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err == nil {
		fmt.Println(r.Method, r.URL.Path, answer.StatusCode)
	}
	return answer, err
}

// A child process gets the keys of one provider, and nothing of Vault.
func ExampleClient_Environ() {
	client := exampleClient()
	defer client.Close()

	environ, err := client.Environ(context.Background(), vaultkit.EnvQuery{Providers: []string{"local-llama"}})
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
	// LOCAL_LLAMA_API_KEY=demo
	// LOCAL_LLAMA_API_SECRET=demo
}

// A program whose libraries look for their keys in the environment loads them first
// of all.
func ExampleClient_LoadEnv() {
	client := exampleClient()
	defer client.Close()

	names, err := client.LoadEnv(context.Background(), vaultkit.EnvQuery{Providers: []string{"openai-gpt4"}, Prefix: "APP_"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(names)
	fmt.Println("a key of", len(os.Getenv("APP_OPENAI_GPT4_API_KEY")), "characters")
	// Output:
	// [APP_OPENAI_GPT4_API_KEY APP_OPENAI_GPT4_ORGANIZATION]
	// a key of 15 characters
}

// For development: a file for `source .env.vault`, which only its owner can read.
func ExampleClient_WriteEnvFile() {
	client := exampleClient()
	defer client.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, ".env.vault")
	names, err := client.WriteEnvFile(context.Background(), path, envfile.Sh, vaultkit.EnvQuery{Providers: []string{"local-llama"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrote", strings.Join(names, " and "))
	// Output: wrote LOCAL_LLAMA_API_KEY and LOCAL_LLAMA_API_SECRET
}

// In a job of GitHub Actions: the values are masked first, then later steps find them
// in their environment.
func ExampleEnvQuery_masks() {
	client := exampleClient()
	defer client.Close()

	environ, err := client.Environ(context.Background(), vaultkit.EnvQuery{Providers: []string{"local-llama"}, Masks: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	if err := envfile.Encode(os.Stdout, envfile.Sh, environ); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ::add-mask::demo
	// export LOCAL_LLAMA_API_KEY='demo';
	// export LOCAL_LLAMA_API_SECRET='demo';
}

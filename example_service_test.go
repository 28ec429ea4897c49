package vaultkit_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

// A service reads its keys from memory, and hears when Vault cannot be asked.
func ExampleWithCache() {
	ctx := context.Background()
	client, err := vaultkit.New(ctx, vaultkit.FromEnvironment(),
		vaultkit.WithCache(time.Minute, 24*time.Hour),
		vaultkit.WithProviders("openai-gpt4"), // fetched now: reading it never waits
		vaultkit.WithObserver(func(e vaultkit.Event) {
			if e.Kind == vaultkit.EventStale {
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
	client, err := vaultkit.New(ctx, vaultkit.FromEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	updater, err := vaultkit.NewUpdater(ctx, client, "openai-gpt4", vaultkit.Derive[*http.Client]{
		Build: func(_ context.Context, keys vaultkit.ProviderKeys) (*http.Client, error) {
			return &http.Client{Transport: bearer{keys[vaultkit.FieldAPIKey]}}, nil
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
		vaultkit.WithToken(vaultkit.Value(vaulttest.Server().RootToken())),
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

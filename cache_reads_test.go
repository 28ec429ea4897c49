package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// told is what a read came to, with all that its error says but the request.
func told(value any, err error) string {
	if failed, ok := errors.AsType[*vaultkit.Error](err); ok {
		same := *failed
		same.CorrelationID, same.Err = "", nil
		return fmt.Sprintf("%v %+v", value, same)
	}
	return fmt.Sprintf("%q %v", value, err)
}

// Whatever a provider holds reads alike from Vault, into the cache and out of it.
func TestCachedReadsAreNoDifferent(t *testing.T) {
	plain := clienttest.New(t)
	reads := map[string]func(*vaultkit.Client, string) string{
		"GetAPIKey":  func(c *vaultkit.Client, p string) string { return told(c.GetAPIKey(t.Context(), p)) },
		"GetField n": func(c *vaultkit.Client, p string) string { return told(c.GetField(t.Context(), p, "n")) },
		"GetField":   func(c *vaultkit.Client, p string) string { return told(c.GetField(t.Context(), p, "")) },
		"GetProviderKeys": func(c *vaultkit.Client, p string) string {
			keys, err := c.GetProviderKeys(t.Context(), p)
			return told(keys.Reveal(), err)
		},
	}
	deleted := vaulttest.PutProvider(t, clienttest.OldSecret)
	vaulttest.SoftDelete(t, deleted)
	for name, provider := range map[string]string{
		"text":           vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "n": "fake-n"}),
		"numbers":        vaulttest.PutProvider(t, map[string]any{"api_key": 1e21, "n": 1.5}),
		"booleans":       vaulttest.PutProvider(t, map[string]any{"api_key": true, "n": false}),
		"null":           vaulttest.PutProvider(t, map[string]any{"api_key": nil, "n": nil}),
		"null beside it": vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "n": nil}),
		"lists":          vaulttest.PutProvider(t, map[string]any{"api_key": []any{"fake-old"}, "n": []any{}}),
		"objects":        vaulttest.PutProvider(t, map[string]any{"api_key": map[string]any{"x": 1}, "n": map[string]any{}}),
		"empty":          vaulttest.PutProvider(t, map[string]any{"api_key": "", "n": ""}),
		"others":         vaulttest.PutProvider(t, map[string]any{"other": "fake-old", "another": 1}),
		"no fields":      vaulttest.PutProvider(t, map[string]any{}),
		"deleted":        deleted, "absent": "not-there", "a path": "a/b", "no name": "", "dots": "..",
	} {
		t.Run(name, func(t *testing.T) {
			cached := clienttest.New(t, vaultkit.WithCache(time.Minute, time.Hour))
			for verb, read := range reads {
				want := read(plain, provider)
				for _, state := range []string{"first", "second"} {
					if got := read(cached, provider); got != want {
						t.Errorf("%s, the %s time:\n%s, without a cache\n%s", verb, state, got, want)
					}
				}
			}
		})
	}
}

// A read that has to ask Vault leaves with its context, and the next one gets what
// was asked for.
func TestUncachedReadLeavesWithItsContext(t *testing.T) {
	proxy, provider, release := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret), make(chan struct{})
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithCache(time.Minute, time.Hour))
	proxy.Reset()
	proxy.SetRule(faultproxy.OnMatch("GET", "/data/", faultproxy.Delay(release)))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.GetAPIKey(ended, provider); !errors.Is(err, context.Canceled) || errors.Is(err, vaultkit.ErrUnavailable) {
		t.Errorf("with a cancelled context: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.GetAPIKey(short, provider); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vaultkit.ErrUnavailable) {
		t.Errorf("with a context that ends: %v", err)
	}
	close(release)
	clienttest.WantAPIKey(t, client, provider, "fake-old")
	if n := clienttest.DataReads(proxy); n != 1 {
		t.Errorf("%d reads", n)
	}
}

// With no maxStale nothing older than ttl is served.
func TestNothingStaleIsServed(t *testing.T) {
	proxy, heard, provider := clienttest.NewProxy(t), &clienttest.EventLog{}, vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithObserver(heard.Add), vaultkit.WithCache(time.Second, 0),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond}))
	clienttest.WantAPIKey(t, client, provider, "fake-old")
	read := time.Now()
	proxy.Down()
	vaulttest.Eventually(t, "it is not served any more", func() bool {
		key, err := client.GetAPIKey(t.Context(), provider)
		if err == nil && (key != "fake-old" || time.Since(read) > 5*time.Second) {
			t.Fatalf("%q, %v after it was read", key, time.Since(read))
		}
		return errors.Is(err, vaultkit.ErrUnavailable)
	})
	if dropped := heard.Of(vaultkit.EventDropped); len(dropped) != 1 || dropped[0].Err == nil || len(heard.Of(vaultkit.EventStale)) != 0 {
		t.Errorf("dropped %+v, stale %+v", dropped, heard.Of(vaultkit.EventStale))
	}
}

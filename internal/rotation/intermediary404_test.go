package rotation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// notVaults are what a hop answers while the Vault behind it is being restarted.
var notVaults = map[string]string{
	"text":    "404 page not found\n",
	"ingress": "default backend - 404",
	"gateway": `{"message":"no Route matched"}`,
	"blank":   "\n",
}

// A hop's 404 is no word about a secret: what is cached is served on.
func TestKeysAreServedThroughForeign404s(t *testing.T) {
	for name, body := range notVaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, heard, provider := clienttest.NewProxy(t), &clienttest.EventLog{}, vaulttest.PutProvider(t, clienttest.OldSecret)
			client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithObserver(heard.Add),
				vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 100 * time.Millisecond}),
				vaultkit.WithCache(time.Second, time.Hour), vaultkit.WithProviders(provider))
			proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Error(404, body, false)))
			vaulttest.Eventually(t, "the secret is stale", func() bool {
				clienttest.WantAPIKey(t, client, provider, "fake-old")
				return len(heard.Of(vaultkit.EventStale)) > 0
			})
			clienttest.WantAPIKey(t, client, provider, "fake-old")
			if h := client.Health(); h.OK() || !h.Ready() || !errors.Is(h.DownError, vaultkit.ErrUnavailable) {
				t.Errorf("Health = %+v", h)
			}
			if dropped := heard.Of(vaultkit.EventDropped); len(dropped) > 0 {
				t.Errorf("dropped %+v", dropped)
			}
			proxy.SetRule(nil)
			vaulttest.Eventually(t, "all is well again", func() bool { return client.Health().OK() })
		})
	}
}

// Without a cache it is an outage, to every verb.
func TestForeign404sAreAnOutage(t *testing.T) {
	verbs := map[string]func(*vaultkit.Client, string) error{
		"GetAPIKey": func(c *vaultkit.Client, p string) error { return clienttest.ErrorOf(c.GetAPIKey(t.Context(), p)) },
		"Providers": func(c *vaultkit.Client, _ string) error { return clienttest.ErrorOf(c.Providers(t.Context())) },
		"History":   func(c *vaultkit.Client, p string) error { return clienttest.ErrorOf(c.History(t.Context(), p)) },
		"Rotate": func(c *vaultkit.Client, p string) error {
			return clienttest.ErrorOf(c.Rotate(t.Context(), p, vaultkit.NewKey("fake-new")))
		},
		"Rollback": func(c *vaultkit.Client, p string) error { return clienttest.ErrorOf(c.Rollback(t.Context(), p, "")) },
	}
	for name, body := range notVaults {
		client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", "", faultproxy.Error(404, body, false)),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond, Write: 50 * time.Millisecond}))
		provider := vaulttest.PutProvider(t, clienttest.OldSecret)
		vaulttest.AssertUnchanged(t, provider, func() {
			for verb, send := range verbs {
				err := send(client, provider)
				if !errors.Is(err, vaultkit.ErrUnavailable) || errors.Is(err, vaultkit.ErrNotFound) || !strings.Contains(err.Error(), "not in Vault's words") {
					t.Errorf("%s, %s: %v", name, verb, err)
				}
			}
			put := clienttest.ErrorOf(client.PutProviderKeys(t.Context(), provider, vaultkit.ProviderKeys{"api_key": "fake-new"}))
			if !errors.Is(put, vaultkit.ErrConflict) || errors.Is(put, vaultkit.ErrNotFound) {
				t.Errorf("%s, PutProviderKeys over a secret: %v", name, put)
			}
		})
	}
}

// Whatever a hop answers at first, nothing is left out.
func TestRotateThroughForeign404s(t *testing.T) {
	for name, body := range notVaults {
		t.Run(name, func(t *testing.T) {
			w := newScenario(t)
			seen := map[string]bool{}
			w.Proxy.SetRule(func(r faultproxy.Request) faultproxy.Action {
				if key := r.Method + r.Path; !seen[key] {
					seen[key] = true
					return faultproxy.Error(404, body, false)
				}
				return faultproxy.Pass
			})
			if r, err := w.Rotate(t.Context(), w.Client); err != nil || r.NewVersion != 2 || !w.check() {
				t.Fatalf("Rotate = %+v, %v", r, err)
			}
			for path, entry := range vaulttest.Look(t, "backups/"+w.Provider) {
				if len(entry.Custom) == 0 {
					t.Errorf("%s says nothing of its rotation", path)
				}
			}
		})
	}
}

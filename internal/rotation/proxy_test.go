package rotation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// JSON of a proxy is not Vault's response: not a secret, not an empty list, not a deleted
// provider. The request is not retried until the context ends either.
func TestRead_RefusesJSONOfAProxy(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a bound on what would never end
	defer cancel()
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for _, body := range []string{`{}`, `null`, `[]`, `"ok"`, `{"data":"ok"}`, `{"data":{"status":"ok"}}`, `{"data":{"data":"ok","keys":"ok","created_time":"now"}}`,
		`{"data":{"data":{"api_key":"fake"},"metadata":{"version":"1"},"versions":[]}}`} {
		client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", "", faultproxy.Error(200, body, false)))
		vaulttest.AssertUnchanged(t, p, func() {
			for verb, send := range map[string]func() error{
				"GetAPIKey": func() error { _, err := client.GetAPIKey(ctx, p); return err },
				"Providers": func() error { _, err := client.Providers(ctx); return err },
				"Backups":   func() error { _, err := client.Backups(ctx, p); return err },
				"History":   func() error { _, err := client.History(ctx, p); return err },
				"Recover":   func() error { _, err := client.Recover(ctx, p); return err },
				"Rotate":    func() error { _, err := client.Rotate(ctx, p, vaultkit.NewKey("fake-new")); return err },
			} {
				if err := send(); !errors.Is(err, vaultkit.ErrNotKVv2) {
					t.Errorf("%s with the response %s = %v, want ErrNotKVv2", verb, body, err)
				}
			}
		})
	}
}

// JSON of a proxy does not acknowledge a write, in particular the commit. The official client
// returns it as data.
func TestRotate_IgnoresJSONOfAProxy(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"version":2}`, `{"status":"ok","version":1}`, `{"data":{"version":2}}`, `{"data":{"version":"2"},"request_id":"r"}`} {
		for n, request := range stepsOf(t) {
			if request.Method != "PUT" || !strings.Contains(request.Path, "/data/") {
				continue
			}
			for _, applied := range []bool{false, true} {
				w := newScenario(t)
				w.Proxy.SetRule(faultproxy.When(nth(n+1), faultproxy.Error(200, body, applied)))
				if _, err := w.Rotate(t.Context(), w.Client); err != nil {
					t.Errorf("Rotate with %s as the response to request %d, applied %t = %v, want success", body, n+1, applied, err)
				}
				w.assertDone()
			}
		}
	}
}

// bodiesOf404 are what a proxy sends while the Vault behind it restarts.
var bodiesOf404 = map[string]string{
	"text":    "404 page not found\n",
	"ingress": "default backend - 404",
	"gateway": `{"message":"no Route matched"}`,
	"blank":   "\n",
}

// A proxy's 404 does not mean that a secret is gone: a cached key is still served.
func TestCache_ServesKeysDuringAProxys404(t *testing.T) {
	for name, body := range bodiesOf404 {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, heard, provider := clienttest.NewProxy(t), &clienttest.EventLog{}, vaulttest.PutProvider(t, clienttest.OldSecret)
			client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithObserver(heard.Add),
				vaultkit.WithTimeouts(vaultkit.Timeouts{Read: time.Second}),
				vaultkit.WithCache(time.Second, time.Hour), vaultkit.WithProviders(provider))
			proxy.SetRule(faultproxy.OnEvery("", "", faultproxy.Error(404, body, false)))
			vaulttest.Eventually(t, "the secret is stale", func() bool {
				clienttest.WantAPIKey(t, client, provider, "fake-old")
				return len(heard.Of(event.Stale)) > 0
			})
			clienttest.WantAPIKey(t, client, provider, "fake-old")
			if h := client.Health(); h.OK() || !h.Ready() || !errors.Is(h.DownError, vaultkit.ErrUnavailable) {
				t.Errorf("Health = %+v, want not OK, ready and ErrUnavailable", h)
			}
			if dropped := heard.Of(event.Dropped); len(dropped) > 0 {
				t.Errorf("events = %+v, want none of kind Dropped", dropped)
			}
			proxy.SetRule(nil)
			vaulttest.Eventually(t, "all is well again", func() bool { return client.Health().OK() })
		})
	}
}

// Without a cached key, a proxy's 404 is an outage for every operation.
func TestRead_TreatsAProxys404AsAnOutage(t *testing.T) {
	verbs := map[string]func(*vaultkit.Client, string) error{
		"GetAPIKey": func(c *vaultkit.Client, p string) error { return clienttest.ErrorOf(c.GetAPIKey(t.Context(), p)) },
		"Providers": func(c *vaultkit.Client, _ string) error { return clienttest.ErrorOf(c.Providers(t.Context())) },
		"History":   func(c *vaultkit.Client, p string) error { return clienttest.ErrorOf(c.History(t.Context(), p)) },
		"Rotate": func(c *vaultkit.Client, p string) error {
			return clienttest.ErrorOf(c.Rotate(t.Context(), p, vaultkit.NewKey("fake-new")))
		},
		"Rollback": func(c *vaultkit.Client, p string) error { return clienttest.ErrorOf(c.Rollback(t.Context(), p, "")) },
	}
	for name, body := range bodiesOf404 {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const limit = 500 * time.Millisecond // enough for a request on a busy machine
			client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", "", faultproxy.Error(404, body, false)),
				vaultkit.WithTimeouts(vaultkit.Timeouts{Read: limit, Write: limit}))
			provider := vaulttest.PutProvider(t, clienttest.OldSecret)
			vaulttest.AssertUnchanged(t, provider, func() {
				for verb, send := range verbs {
					err := send(client, provider)
					if !errors.Is(err, vaultkit.ErrUnavailable) || errors.Is(err, vaultkit.ErrNotFound) || !strings.Contains(err.Error(), "which Vault did not send") {
						t.Errorf("%s = %v, want ErrUnavailable that says who did not answer", verb, err)
					}
				}
				put := clienttest.ErrorOf(client.PutProviderKeys(t.Context(), provider, vaultkit.ProviderKeys{"api_key": "fake-new"}))
				if !errors.Is(put, vaultkit.ErrConflict) || errors.Is(put, vaultkit.ErrNotFound) {
					t.Errorf("PutProviderKeys over a secret = %v, want ErrConflict", put)
				}
			})
		})
	}
}

// A proxy's 404 to any first request leaves out no step.
func TestRotate_SucceedsAfterAProxys404(t *testing.T) {
	for name, body := range bodiesOf404 {
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
				t.Fatalf("Rotate = %+v, %v, want version 2 in force", r, err)
			}
			for path, entry := range vaulttest.Look(t, "backups/"+w.Provider) {
				if len(entry.Custom) == 0 {
					t.Errorf("custom metadata of %s = %v, want the attribution of its rotation", path, entry.Custom)
				}
			}
		})
	}
}

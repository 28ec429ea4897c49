package rotation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// JSON of a hop of its own is no answer of Vault's: not a secret, not an empty
// list, not a deleted provider. Nor is it asked for until the context ends.
func TestForeignJSONIsNoAnswer(t *testing.T) {
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
					t.Errorf("%s of %s: %v", verb, body, err)
				}
			}
		})
	}
}

// Nor does a hop's JSON acknowledge a write, the commit above all. The official
// client takes it whole for data where it is no answer of Vault's.
func TestForeignJSONAcknowledgesNothing(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"version":2}`, `{"status":"ok","version":1}`, `{"data":{"version":2}}`, `{"data":{"version":"2"},"request_id":"r"}`} {
		for n, request := range stepsOf(t) {
			if request.Method != "PUT" || !strings.Contains(request.Path, "/data/") {
				continue
			}
			for _, applied := range []bool{false, true} {
				w := newScenario(t)
				w.Proxy.SetRule(faultproxy.When(nth(n+1), faultproxy.Error(200, body, applied)))
				if _, err := w.Rotate(t.Context(), w.Client); err != nil {
					t.Errorf("%s to step %d, applied %v: %v", body, n+1, applied, err)
				}
				w.done()
			}
		}
	}
}

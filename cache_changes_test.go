package vaultkit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// After a call of the client has found which secret is in force, the next read returns it, although
// the cached one is fresh for an hour.
func TestCache_ReadsWhatTheClientsCallsFound(t *testing.T) {
	rotated := func(w *clienttest.Scenario) error { return clienttest.ErrorOf(w.Rotate(w.Context(), w.Client)) }
	rival := func(w *clienttest.Scenario, key string) { clienttest.Rotate(w.T, w.Direct, w.Provider, key) }
	answered := func(answer faultproxy.Action) func(*clienttest.Scenario) error {
		return func(w *clienttest.Scenario) error {
			w.Proxy.SetRule(clienttest.OnCommit(w.Provider, answer))
			return rotated(w)
		}
	}
	for name, change := range map[string]func(w *clienttest.Scenario) error{
		"Rotate":             rotated,
		"Rotate, lost":       answered(faultproxy.Lose()),
		"Rotate, cut":        answered(faultproxy.Truncate()),
		"Rotate, 500":        answered(faultproxy.Error(500, `{"errors":["x"]}`, true)),
		"Rotate, made twice": func(w *clienttest.Scenario) error { rival(w, "fake-new"); return rotated(w) },
		"Rotate, overtaken": func(w *clienttest.Scenario) error {
			w.Proxy.SetRule(clienttest.BeforeCommit(w.Provider, func() { rival(w, "fake-new") }))
			return rotated(w)
		},
		"Rotate, nothing to change": func(w *clienttest.Scenario) error {
			vaulttest.Put(w, "providers/"+w.Provider, clienttest.NewSecret)
			if err := rotated(w); !errors.Is(err, vaultkit.ErrNoChange) {
				return fmt.Errorf("Rotate = %w", err)
			}
			return nil
		},
		"RevokeOld": func(w *clienttest.Scenario) error {
			id := clienttest.Rotate(w.T, w.Direct, w.Provider, "fake-new").ID
			return clienttest.ErrorOf(w.Client.RevokeOld(w.Context(), w.Provider, id, readingRevoker{w}, vaultkit.IgnoreOtherProviders()))
		},
		"RotateAll": func(w *clienttest.Scenario) (err error) {
			for one := range w.Client.RotateAll(w.Context(), 0, []string{w.Provider}, vaultkit.NewKey("fake-new")) {
				err = one.Err
			}
			return err
		},
		"Rollback": func(w *clienttest.Scenario) error {
			rival(w, "fake-new")
			rival(w, "fake-bad")
			return clienttest.ErrorOf(w.Client.Rollback(w.Context(), w.Provider, ""))
		},
		"Rollback, made twice": func(w *clienttest.Scenario) error {
			rival(w, "fake-new")
			bad := clienttest.Rotate(w.T, w.Direct, w.Provider, "fake-bad")
			_, err := w.Direct.Rollback(w.Context(), w.Provider, bad.Backup)
			return errors.Join(err, clienttest.ErrorOf(w.Client.Rollback(w.Context(), w.Provider, bad.Backup)))
		},
		"Recover": func(w *clienttest.Scenario) error {
			rival(w, "fake-new")
			return clienttest.ErrorOf(w.Client.Recover(w.Context(), w.Provider))
		},
		"Abort": func(w *clienttest.Scenario) error {
			id := clienttest.CrashBeforeCommit(w.T, w.Provider, "fake-crashed")
			vaulttest.Put(w, "providers/"+w.Provider, clienttest.NewSecret)
			return clienttest.ErrorOf(w.Client.Abort(w.Context(), w.Provider, id))
		},
		"PutProviderKeys": func(w *clienttest.Scenario) error {
			vaulttest.SoftDelete(w.T, w.Provider)
			keys := vaultkit.ProviderKeys{"api_key": "fake-new"}
			return clienttest.ErrorOf(w.Client.PutProviderKeys(w.Context(), w.Provider, keys, vaultkit.ReplaceDeleted()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := clienttest.NewScenario(t)
			w.Reconnect(vaultkit.WithCache(time.Hour, time.Hour))
			clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-old")
			if err := change(w); err != nil {
				t.Fatalf("%s = %v, want no error", name, err)
			}
			clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-new")
			keys, err := w.Client.GetProviderKeys(t.Context(), w.Provider)
			if err != nil || keys["api_key"] != "fake-new" {
				t.Errorf("GetProviderKeys = %v, %v, want fake-new", keys.Reveal(), err)
			}
		})
	}
}

// readingRevoker checks that the client reads the new key while the old one is revoked.
type readingRevoker struct{ w *clienttest.Scenario }

func (r readingRevoker) Revoke(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error {
	clienttest.WantAPIKey(r.w.T, r.w.Client, r.w.Provider, "fake-new")
	return nil
}

// A refresh that has read the old secret ends after the rotation.
func TestCache_KeepsOwnRotationOverLateRefresh(t *testing.T) {
	t.Parallel()
	w := clienttest.NewScenario(t)
	heard := &clienttest.EventLog{}
	w.Reconnect(vaultkit.WithCache(time.Second, time.Hour), vaultkit.WithObserver(heard.Add))
	clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-old")
	seen, release := make(chan struct{}), make(chan struct{})
	hold := faultproxy.After(func() { close(seen); <-release })
	w.Proxy.SetRule(faultproxy.OnMatch("GET", "/metadata/"+vaulttest.Base+"/providers/"+w.Provider, hold))
	vaulttest.Eventually(t, "a refresh is running", func() bool {
		clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-old")
		select {
		case <-seen:
			return true
		default:
			return false
		}
	})
	if _, err := w.Rotate(t.Context(), w.Client); err != nil {
		t.Fatalf("Rotate = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-new")
	before := len(heard.Of(event.Refresh))
	close(release)
	vaulttest.Eventually(t, "the next refresh", func() bool {
		clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-new")
		return len(heard.Of(event.Refresh)) > before
	})
}

// If the outcome of a rotation is undetermined, the client reads the secret as soon as it can, and
// not when the ttl ends.
func TestCache_ReadsAgainAfterAnUndeterminedRotation(t *testing.T) {
	w := clienttest.NewScenario(t)
	w.Reconnect(vaultkit.WithCache(time.Hour, time.Hour))
	clienttest.WantAPIKey(t, w.Client, w.Provider, "fake-old")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	giveUp := func() { time.AfterFunc(100*time.Millisecond, cancel) }
	w.Proxy.SetRule(clienttest.OnCommit(w.Provider, faultproxy.HangApplied().Before(giveUp)))
	if _, err := w.Rotate(ctx, w.Client); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("Rotate = %v, want ErrUndetermined", err)
	}
	vaulttest.Eventually(t, "the new key is read", func() bool {
		key, err := w.Client.GetAPIKey(t.Context(), w.Provider)
		return err == nil && key == "fake-new"
	})
}

// Reads, refreshes and the client's own rotations run at the same time. After a rotation has
// returned, no read returns an older key.
func TestCache_IsMonotonic(t *testing.T) {
	client := clienttest.New(t, vaultkit.WithCache(time.Second, time.Hour))
	provider := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-00"})
	var latest atomic.Value
	latest.Store("fake-00")
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				least := latest.Load().(string)
				if got, err := client.GetAPIKey(t.Context(), provider); err != nil || got < least {
					t.Errorf("GetAPIKey = %q, %v, want %s or a later key", got, err, least)
					return
				}
			}
		})
	}
	for n := range 10 {
		key := fmt.Sprintf("fake-%02d", n+1)
		clienttest.Rotate(t, client, provider, key)
		latest.Store(key)
	}
	cancel()
	readers.Wait()
}

// told returns the result of a read as text. The error is complete except for its request.
func told(value any, err error) string {
	if failed, ok := errors.AsType[*vaultkit.Error](err); ok {
		same := *failed
		same.CorrelationID, same.Err = "", nil
		return fmt.Sprintf("%v %+v", value, same)
	}
	return fmt.Sprintf("%q %v", value, err)
}

// A read returns the same from Vault, when it fills the cache, and from the cache.
func TestCache_ReadsAsWithoutACache(t *testing.T) {
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
						t.Errorf("%s, the %s time =\n%s, want as without a cache\n%s", verb, state, got, want)
					}
				}
			}
		})
	}
}

// A read that waits for Vault ends with its context. The request goes on, and serves the next read.
func TestCache_FirstReadEndsWithItsContext(t *testing.T) {
	proxy, provider, release := clienttest.NewProxy(t), vaulttest.PutProvider(t, clienttest.OldSecret), make(chan struct{})
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithCache(time.Minute, time.Hour))
	proxy.Reset()
	proxy.SetRule(faultproxy.OnMatch("GET", "/data/", faultproxy.Delay(release)))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.GetAPIKey(ended, provider); !errors.Is(err, context.Canceled) || errors.Is(err, vaultkit.ErrUnavailable) {
		t.Errorf("GetAPIKey with a cancelled context = %v, want context.Canceled", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.GetAPIKey(short, provider); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vaultkit.ErrUnavailable) {
		t.Errorf("GetAPIKey past its deadline = %v, want context.DeadlineExceeded and ErrUnavailable", err)
	}
	close(release)
	clienttest.WantAPIKey(t, client, provider, "fake-old")
	if n := clienttest.DataReads(proxy); n != 1 {
		t.Errorf("three reads sent %d requests, want 1", n)
	}
}

// Without maxStale, no secret older than ttl is served.
func TestCache_ServesNothingStaleWithoutMaxStale(t *testing.T) {
	proxy, heard, provider := clienttest.NewProxy(t), &clienttest.EventLog{}, vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithObserver(heard.Add), vaultkit.WithCache(time.Second, 0),
		vaultkit.WithTimeouts(vaultkit.Timeouts{Read: 50 * time.Millisecond}))
	clienttest.WantAPIKey(t, client, provider, "fake-old")
	read := time.Now()
	proxy.Down()
	vaulttest.Eventually(t, "it is not served any more", func() bool {
		key, err := client.GetAPIKey(t.Context(), provider)
		if err == nil && (key != "fake-old" || time.Since(read) > 5*time.Second) {
			t.Fatalf("GetAPIKey = %q, %v after the read, want fake-old within the ttl of 1 s", key, time.Since(read))
		}
		return errors.Is(err, vaultkit.ErrUnavailable)
	})
	if dropped := heard.Of(event.Dropped); len(dropped) != 1 || dropped[0].Err == nil || len(heard.Of(event.Stale)) != 0 {
		t.Errorf("events dropped %+v, stale %+v, want one with an error, and none", dropped, heard.Of(event.Stale))
	}
}

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
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// Whatever a verb of the client's own finds to be in force is what its next read
// returns, though the cache held the old secret for an hour to come.
func TestOwnVerbsAreReadAtOnce(t *testing.T) {
	rotated := func(w *world) error { return second(w.rotate(w.Context(), w.victim)) }
	rival := func(w *world, key string) { rotate(w.T, w.other, w.provider, key) }
	answered := func(answer faultproxy.Action) func(*world) error {
		return func(w *world) error {
			w.proxy.SetRule(beforeCommitOf(w.provider, answer))
			return rotated(w)
		}
	}
	for name, change := range map[string]func(w *world) error{
		"Rotate":             rotated,
		"Rotate, lost":       answered(faultproxy.Lose()),
		"Rotate, cut":        answered(faultproxy.Truncate()),
		"Rotate, 500":        answered(faultproxy.Error(500, `{"errors":["x"]}`, true)),
		"Rotate, made twice": func(w *world) error { rival(w, "fake-new"); return rotated(w) },
		"Rotate, overtaken": func(w *world) error {
			w.proxy.SetRule(beforeCommit(w.provider, func() { rival(w, "fake-new") }))
			return rotated(w)
		},
		"Rotate, nothing to change": func(w *world) error {
			vaulttest.Put(w, "providers/"+w.provider, newSecret)
			if err := rotated(w); !errors.Is(err, vaultkit.ErrNoChange) {
				return fmt.Errorf("Rotate = %w", err)
			}
			return nil
		},
		"RevokeOld": func(w *world) error {
			id := rotate(w.T, w.other, w.provider, "fake-new").ID
			return second(w.victim.RevokeOld(w.Context(), w.provider, id, readingRevoker{w}, alone))
		},
		"RotateAll": func(w *world) (err error) {
			for one := range w.victim.RotateAll(w.Context(), 0, []string{w.provider}, vaultkit.NewKey("fake-new")) {
				err = one.Err
			}
			return err
		},
		"Rollback": func(w *world) error {
			rival(w, "fake-new")
			rival(w, "fake-bad")
			return second(w.victim.Rollback(w.Context(), w.provider, ""))
		},
		"Rollback, made twice": func(w *world) error {
			rival(w, "fake-new")
			bad := rotate(w.T, w.other, w.provider, "fake-bad")
			_, err := w.other.Rollback(w.Context(), w.provider, bad.Backup)
			return errors.Join(err, second(w.victim.Rollback(w.Context(), w.provider, bad.Backup)))
		},
		"Recover": func(w *world) error { rival(w, "fake-new"); return second(w.victim.Recover(w.Context(), w.provider)) },
		"Abort": func(w *world) error {
			id := crashBeforeCommit(w.T, w.provider, "fake-crashed")
			vaulttest.Put(w, "providers/"+w.provider, newSecret)
			return second(w.victim.Abort(w.Context(), w.provider, id))
		},
		"PutProviderKeys": func(w *world) error {
			softDelete(w.T, w.provider)
			keys := vaultkit.ProviderKeys{"api_key": "fake-new"}
			return second(w.victim.PutProviderKeys(w.Context(), w.provider, keys, vaultkit.ReplaceDeleted()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.newVictim(vaultkit.WithCache(time.Hour, time.Hour))
			wantKey(t, w.victim, w.provider, "fake-old")
			if err := change(w); err != nil {
				t.Fatal(err)
			}
			wantKey(t, w.victim, w.provider, "fake-new")
			keys, err := w.victim.GetProviderKeys(t.Context(), w.provider)
			if err != nil || keys["api_key"] != "fake-new" {
				t.Errorf("GetProviderKeys = %v, %v", keys.Reveal(), err)
			}
		})
	}
}

// readingRevoker revokes a key that nobody reads any more.
type readingRevoker struct{ w *world }

func (r readingRevoker) Revoke(context.Context, vaultkit.Target, vaultkit.ProviderKeys) error {
	wantKey(r.w.T, r.w.victim, r.w.provider, "fake-new")
	return nil
}

// A refresh that has seen the old secret comes back after the rotation.
func TestOwnRotationOutdoesLateRefresh(t *testing.T) {
	w := newWorld(t)
	heard := &heardOf{}
	w.newVictim(vaultkit.WithCache(time.Second, time.Hour), vaultkit.WithObserver(heard.hear))
	wantKey(t, w.victim, w.provider, "fake-old")
	seen, release := make(chan struct{}), make(chan struct{})
	w.proxy.SetRule(faultproxy.OnMatch("GET", "/metadata/"+vaulttest.Base+"/providers/"+w.provider, faultproxy.After(func() { close(seen); <-release })))
	vaulttest.Eventually(t, "a refresh is under way", func() bool {
		wantKey(t, w.victim, w.provider, "fake-old")
		select {
		case <-seen:
			return true
		default:
			return false
		}
	})
	if _, err := w.rotate(t.Context(), w.victim); err != nil {
		t.Fatal(err)
	}
	wantKey(t, w.victim, w.provider, "fake-new")
	before := len(heard.of(vaultkit.EventRefresh))
	close(release)
	vaulttest.Eventually(t, "the next refresh", func() bool {
		wantKey(t, w.victim, w.provider, "fake-new")
		return len(heard.of(vaultkit.EventRefresh)) > before
	})
}

// Where the client could not find out what became of its rotation, it looks at once
// when it can, and not an hour later.
func TestDoubtfulRotationIsLookedAt(t *testing.T) {
	w := newWorld(t)
	w.newVictim(vaultkit.WithCache(time.Hour, time.Hour))
	wantKey(t, w.victim, w.provider, "fake-old")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.proxy.SetRule(beforeCommitOf(w.provider, faultproxy.HangApplied().Before(func() { time.AfterFunc(100*time.Millisecond, cancel) })))
	if _, err := w.rotate(ctx, w.victim); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("Rotate = %v", err)
	}
	vaulttest.Eventually(t, "it is read", func() bool {
		key, err := w.victim.GetAPIKey(t.Context(), w.provider)
		return err == nil && key == "fake-new"
	})
}

// Reads, refreshes and the client's own rotations at once: whoever has seen a
// rotation return never reads an older key.
func TestReadersNeverGoBack(t *testing.T) {
	client, provider := newClient(t, vaultkit.WithCache(time.Second, time.Hour)), store(t, map[string]any{"api_key": "fake-00"})
	var latest atomic.Value
	latest.Store("fake-00")
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				least := latest.Load().(string)
				if got, err := client.GetAPIKey(t.Context(), provider); err != nil || got < least {
					t.Errorf("%q, %v, after %s was in force", got, err, least)
					return
				}
			}
		})
	}
	for n := range 10 {
		key := fmt.Sprintf("fake-%02d", n+1)
		rotate(t, client, provider, key)
		latest.Store(key)
	}
	cancel()
	readers.Wait()
}

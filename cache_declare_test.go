package vaultkit

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
)

// The start waits for declared providers as long as its context lives, asking ever
// more seldom, and then they are at hand.
func TestDeclareWaits(t *testing.T) {
	for name, c := range map[string]struct {
		trouble error
		ends    time.Duration // of the trouble
		want    error
		took    time.Duration // at least
	}{
		"calm":               {nil, 0, nil, 0},
		"an hour's outage":   {ErrUnavailable, time.Hour, nil, time.Hour},
		"a seal too long":    {ErrSealed, 3 * time.Hour, ErrSealed, 2 * time.Hour},
		"a seal":             {ErrSealed, time.Minute, nil, time.Minute},
		"longer than it may": {ErrUnavailable, 3 * time.Hour, ErrUnavailable, 2 * time.Hour},
		"a denial":           {ErrPermissionDenied, time.Hour, ErrPermissionDenied, 0},
		"no such provider":   {ErrNotFound, time.Hour, ErrNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(t *testing.T, b *bench) {
				client := &Client{keys: b.keys, cached: true, store: kv.New(nil, "secret", "base", backoff.Backoff{})}
				if c.trouble != nil {
					b.set(func(b *bench) { b.storeErr = &Error{Kind: c.trouble} })
				}
				time.AfterFunc(c.ends, func() { b.set(func(b *bench) { b.storeErr = nil }) })
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				began := time.Now()
				err := client.declare(ctx, []string{"b", "a", "b"})
				if took := time.Since(began); took < c.took || took > c.took+time.Minute || !errors.Is(err, c.want) {
					t.Fatalf("%v after %v, want %v after %v", err, took, c.want, c.took)
				}
				if key, err := client.GetAPIKey(t.Context(), "a"); c.want == nil && (key != "fake-old" || err != nil) {
					t.Errorf("GetAPIKey = %q, %v", key, err)
				}
				synctest.Wait()
			})
		})
	}
}

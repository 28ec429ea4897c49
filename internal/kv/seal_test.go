package kv_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

// sealedFor is a Sender to a Vault that is sealed for this time and denies every request after it.
type sealedFor struct{ until time.Time }

func (s sealedFor) Do(context.Context, func(context.Context, *api.Client) error) error {
	if time.Now().Before(s.until) {
		return &api.ResponseError{StatusCode: 503, Errors: []string{"Vault is sealed"}}
	}
	return &api.ResponseError{StatusCode: 403, Errors: []string{"permission denied"}}
}

// A read waits for a server that restarts, and not for one that stays sealed.
func TestReadRidesOutAShortSeal(t *testing.T) {
	for lasts, want := range map[time.Duration]struct {
		err  error
		took time.Duration // upper limit
	}{
		0:                       {vaulterr.ErrPermissionDenied, 0},
		2500 * time.Millisecond: {vaulterr.ErrPermissionDenied, 5 * time.Second},
		time.Hour:               {vaulterr.ErrSealed, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := kv.New(sealedFor{time.Now().Add(lasts)}, vaulttest.Mount, vaulttest.Base, backoff.Backoff{})
			began := time.Now()
			_, err := store.Read(t.Context(), kv.EntryName{"providers", "a"})
			if took := time.Since(began); !errors.Is(err, want.err) || took > want.took || took < min(lasts, 3*time.Second) {
				t.Errorf("Read with Vault sealed for %v = %v after %v, want %v within %v", lasts, err, took, want.err, want.took)
			}
			_, err = store.Write(t.Context(), kv.EntryName{"providers", "a"}, 0, map[string]any{})
			if time.Since(began) > want.took || err == nil {
				t.Errorf("Write = %v, want no retry", err) // whether to send it again is the caller's decision
			}
		})
	}
}

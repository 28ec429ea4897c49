package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// TestClose_IsLimitedIfVaultHangs checks that Close waits for requests that get a response
// in time, and cancels the others, whose outcome is undetermined.
func TestClose_IsLimitedIfVaultHangs(t *testing.T) {
	for name, tc := range map[string]struct {
		takes, atLeast, atMost time.Duration
		want                   error
	}{
		"hung":  {24 * time.Hour, closeGrace + revokeTimeout, 5 * time.Second, vaulterr.ErrUnavailable},
		"slow":  {closeGrace / 2, closeGrace / 2, 5 * time.Second, nil},
		"usual": {0, 0, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
				s, _ := v.opened(t, nil)
				v.set(func(v *fakeVault) { v.latency = tc.takes })
				done := make(chan error, 1)
				go func() { done <- s.Do(t.Context(), readProbe) }()
				synctest.Wait()
				began := time.Now()
				if err := s.Close(); err != nil {
					t.Errorf("Close = %v, Closed = %t, want no error and true", err, s.Closed())
				}
				if took := time.Since(began); took < tc.atLeast || took > tc.atMost {
					t.Errorf("Close took %v, want %v to %v", took, tc.atLeast, tc.atMost)
				}
				err := <-done
				if !errors.Is(err, tc.want) || (err != nil) != (tc.want != nil) || err != nil && !vaulterr.MaybeApplied(err) {
					t.Errorf("Do = %v, Doubtful = %t, want %v and doubtful", err, vaulterr.MaybeApplied(err), tc.want)
				}
			})
		})
	}
}

func TestClose_CallersGetTheirOwnContextsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		v.hang()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Do(ctx, readProbe) }()
		synctest.Wait()
		_ = s.Close()
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

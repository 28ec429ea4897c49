package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// readProbe is a request that ends with its context.
func readProbe(ctx context.Context, c *api.Client) error {
	_, err := c.Logical().ReadWithContext(ctx, "secret/data/probe")
	return err
}

// hang makes each later response take a day.
func (v *fakeVault) hang() { v.set(func(v *fakeVault) { v.latency = 24 * time.Hour }) }

// TestState_OnlyOwnTimeoutsAreOutages checks that a request that exceeds its caller's
// deadline does not count as an outage.
func TestState_OnlyOwnTimeoutsAreOutages(t *testing.T) {
	for name, tc := range map[string]struct {
		bound func(context.Context) (context.Context, context.CancelFunc)
		down  bool
	}{
		"a caller's deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, false},
		"a caller who cancels": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, false},
		"a caller's deadline within the program's": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			bounded, cancelToo := context.WithTimeoutCause(ctx, 2*time.Second, ErrTimeout)
			return bounded, func() { cancelToo(); cancel() }
		}, false},
		"the program's bound": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, ErrTimeout)
		}, true},
		"the session's bound": {context.WithCancel, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
				s, _ := v.opened(t, nil)
				v.hang()
				ctx, cancel := tc.bound(t.Context())
				defer cancel()
				err := s.Do(ctx, readProbe)
				if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
					t.Fatalf("Do = %v, want DeadlineExceeded and Canceled", err)
				}
				if state := s.State(); (state.DownError != nil) != tc.down || state.Down.IsZero() == tc.down {
					t.Errorf("State after %v = %+v, want an outage: %t", err, state, tc.down)
				}
			})
		})
	}
}

func TestState_CountsResponsesToCanceledRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		for _, down := range []bool{true, false} {
			v.set(func(v *fakeVault) { v.down = down })
			ctx, cancel := context.WithCancel(t.Context())
			_ = s.Do(ctx, func(context.Context, *api.Client) error {
				err := readProbe(t.Context(), s.currentLease().client)
				cancel()
				return err
			})
			if state := s.State(); (state.DownError != nil) != down {
				t.Errorf("State = %+v, want an outage: %t", state, down)
			}
		}
	})
}

// TestState_LaterResponseOutweighsTimeout checks that a response to a later request ends
// the outage, although an earlier request times out after it.
func TestState_LaterResponseOutweighsTimeout(t *testing.T) {
	for name, tc := range map[string]struct {
		servedAt time.Duration // relative to the start of the request that times out
		down     bool
	}{
		"response before": {-time.Second, true},
		"response during": {5 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
				s, _ := v.opened(t, nil)
				time.Sleep(time.Minute)
				serve := func() {
					v.set(func(v *fakeVault) { v.latency = 0 })
					if err := s.Do(t.Context(), readProbe); err != nil {
						t.Errorf("Do = %v, want nil", err)
					}
				}
				if tc.servedAt < 0 {
					serve()
					time.Sleep(-tc.servedAt)
				}
				v.hang()
				hung := make(chan error, 1)
				go func() { hung <- s.Do(t.Context(), readProbe) }()
				if tc.servedAt > 0 {
					time.Sleep(tc.servedAt)
					serve()
				}
				if err := <-hung; !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("Do = %v, want DeadlineExceeded", err)
				}
				if state := s.State(); (state.DownError != nil) != tc.down {
					t.Errorf("State = %+v, want an outage: %t", state, tc.down)
				}
			})
		})
	}
}

func TestState_LateFailureOutweighsEarlierSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			time.Sleep(time.Second)
			if err := s.Do(ctx, readProbe); err != nil {
				t.Errorf("Do = %v, want nil", err)
			}
			time.Sleep(time.Second)
			v.set(func(v *fakeVault) { v.down = true })
			return readProbe(ctx, c)
		})
		if state := s.State(); err == nil || state.DownError == nil {
			t.Errorf("Do = %v, State = %+v, want an outage", err, state)
		}
	})
}

// TestState_StaticTokenNearExpiryIsNoError checks LoginError before, during and after a
// static token is refused.
func TestState_StaticTokenNearExpiryIsNoError(t *testing.T) {
	for name, credential := range map[string]Credential{
		"value":    FromString("fake-bare"),
		"variable": FromLookup("FAKE", func(string) string { return "fake-bare" }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bare := &fakeToken{ends: time.Now().Add(time.Hour)}
				v := &fakeVault{notRenewable: true, tokens: map[string]*fakeToken{"fake-bare": bare}}
				s, logs := v.opened(t, Token(credential))
				time.Sleep(50 * time.Minute)
				if lines := linesWith(logs, "replace it before it ends"); len(lines) != 1 || s.State().LoginError != nil {
					t.Errorf("State near expiry = %+v, warnings %q, want no LoginError and one warning", s.State(), lines)
				}
				v.set(func(v *fakeVault) { clear(v.tokens) })
				if err := s.Do(t.Context(), readProbe); !errors.Is(err, vaulterr.ErrUnauthenticated) || s.State().LoginError == nil {
					t.Errorf("Do with a refused token = %v, State = %+v, want ErrUnauthenticated and a LoginError", err, s.State())
				}
				v.set(func(v *fakeVault) { v.tokens["fake-bare"] = bare })
				if err := s.Do(t.Context(), readProbe); err != nil || s.State().LoginError != nil {
					t.Errorf("Do with the token valid again = %v, State = %+v, want no error", err, s.State())
				}
				time.Sleep(11 * time.Minute)
				if s.State().LoginError == nil {
					t.Errorf("State of an expired token = %+v, want a LoginError", s.State())
				}
			})
		})
	}
}

// TestState_FailedLoginIsReportedBeforeExpiry checks that an operator can act before the
// token ends.
func TestState_FailedLoginIsReportedBeforeExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuseLogins = true })
		doEvery(t, s, time.Minute, 50*time.Minute)
		if state := s.State(); state.LoginError == nil || !time.Now().Before(state.Ends) {
			t.Errorf("State before expiry = %+v, want a LoginError", state)
		}
		v.set(func(v *fakeVault) { v.refuseLogins = false })
		time.Sleep(31 * time.Second)
		if state := s.State(); state.LoginError != nil {
			t.Errorf("State after the next login = %+v, want no LoginError", state)
		}
	})
}

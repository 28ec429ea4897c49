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

// ask is a request that ends with its context.
func readProbe(ctx context.Context, c *api.Client) error {
	_, err := c.Logical().ReadWithContext(ctx, "secret/data/probe")
	return err
}

// slow has whatever is asked from now on take a day.
func (v *fakeVault) hang() { v.set(func(v *fakeVault) { v.latency = 24 * time.Hour }) }

// Who has no time to wait for an answer does not know that Vault is down; the
// bounds that are meant for every request do.
func TestWhoseBoundItWas(t *testing.T) {
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
					t.Fatalf("Do = %v", err)
				}
				if state := s.State(); (state.DownError != nil) != tc.down || state.Down.IsZero() == tc.down {
					t.Errorf("after %v: %+v", err, state)
				}
			})
		})
	}
}

// An answer counts, however little time its caller had left.
func TestAnswersCountAtTheLastMoment(t *testing.T) {
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
				t.Errorf("down %t: %+v", down, state)
			}
		}
	})
}

// A request that was not answered in time is older than what was served after it
// had begun.
func TestNewerAnswersOutweighOlderRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		servedAt time.Duration // after the request that is not; negative: before
		down     bool
	}{
		"served before":    {-time.Second, true},
		"served meanwhile": {5 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
				s, _ := v.opened(t, nil)
				time.Sleep(time.Minute)
				serve := func() {
					v.set(func(v *fakeVault) { v.latency = 0 })
					if err := s.Do(t.Context(), readProbe); err != nil {
						t.Error(err)
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
					t.Fatalf("Do = %v", err)
				}
				if state := s.State(); (state.DownError != nil) != tc.down {
					t.Errorf("%+v", state)
				}
			})
		})
	}
}

// A refusal is as new as it is late.
func TestLateRefusalOutweighsWhatWasServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			time.Sleep(time.Second)
			if err := s.Do(ctx, readProbe); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
			v.set(func(v *fakeVault) { v.down = true })
			return readProbe(ctx, c)
		})
		if state := s.State(); err == nil || state.DownError == nil {
			t.Errorf("%v: %+v", err, state)
		}
	})
}

// A bare token that nobody has replaced yet is no trouble while it works.
func TestLoginErrorOfABareToken(t *testing.T) {
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
					t.Errorf("while it works: warnings %q, %+v", lines, s.State())
				}
				v.set(func(v *fakeVault) { clear(v.tokens) })
				if err := s.Do(t.Context(), readProbe); !errors.Is(err, vaulterr.ErrUnauthenticated) || s.State().LoginError == nil {
					t.Errorf("refused: %v, %+v", err, s.State())
				}
				v.set(func(v *fakeVault) { v.tokens["fake-bare"] = bare })
				if err := s.Do(t.Context(), readProbe); err != nil || s.State().LoginError != nil {
					t.Errorf("served again: %v, %+v", err, s.State())
				}
				time.Sleep(11 * time.Minute)
				if s.State().LoginError == nil {
					t.Errorf("ended: %+v", s.State())
				}
			})
		})
	}
}

// A login that can be repeated and fails will end the service: there is time to act.
func TestLoginErrorAheadOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuseLogins = true })
		doEvery(t, s, time.Minute, 50*time.Minute)
		if state := s.State(); state.LoginError == nil || !time.Now().Before(state.Ends) {
			t.Errorf("while the token lives: %+v", state)
		}
		v.set(func(v *fakeVault) { v.refuseLogins = false })
		time.Sleep(31 * time.Second)
		if state := s.State(); state.LoginError != nil {
			t.Errorf("after the next login: %+v", state)
		}
	})
}

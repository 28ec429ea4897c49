package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// TestKnownDenialCostsNoSecondLogin: a token that may not look itself up, or whose uses
// are counted, is replaced once to find out; the answer is remembered.
func TestKnownDenialCostsNoSecondLogin(t *testing.T) {
	for name, v := range map[string]*fakeVault{
		"may not look itself up": {noSelfLookup: true}, "uses are counted": {uses: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v.sameText, v.ttl, v.maxTTL = true, 100*time.Hour, 100*time.Hour
				s, _ := v.opened(t, nil)
				for start := time.Now(); time.Since(start) < 25*time.Second; time.Sleep(100 * time.Millisecond) {
					wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				}
				v.wantLogins(t, 2)
				if v.uses > 0 && v.lookups > 0 {
					t.Errorf("%d uses spent on questions", v.lookups)
				}
			})
		})
	}
}

// TestRefusedLoginAfterADenial: the denial is the answer as long as the token may be a
// living one; once it could look itself up before, it has ended.
func TestRefusedLoginAfterADenial(t *testing.T) {
	for name, tc := range map[string]struct {
		looked bool
		want   error
	}{"not known": {false, vaulterr.ErrPermissionDenied}, "known to have ended": {true, vaulterr.ErrUnauthenticated}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				s, _ := v.opened(t, nil)
				if tc.looked {
					wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
					time.Sleep(time.Minute)
				}
				v.set(func(v *fakeVault) { v.refuseLogins = true })
				v.endTokens()
				for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(100 * time.Millisecond) {
					if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), tc.want) {
						t.Fatalf("Do = %v, want %v", err, tc.want)
					}
				}
				if s.tokenRefused != tc.looked {
					t.Errorf("the token is lost: %t, want %t", s.tokenRefused, tc.looked)
				}
				if _, attempts, _ := v.count(); attempts > 12 {
					t.Errorf("%d logins were tried in a minute", attempts-1)
				}
				v.set(func(v *fakeVault) { v.refuseLogins = false })
				time.Sleep(refusedLoginPause)
				if err := s.Do(t.Context(), probe); err != nil {
					t.Errorf("Do once logins are accepted again = %v", err)
				}
			})
		})
	}
}

// TestRefusedLoginIsNotRepeatedSoon, unless the token has certainly ended, or nobody refused.
func TestRefusedLoginIsNotRepeatedSoon(t *testing.T) {
	refused := &api.ResponseError{StatusCode: http.StatusBadRequest, Errors: []string{"invalid role or secret ID"}}
	for name, tc := range map[string]struct {
		sure    bool
		failure error
		want    bool
	}{
		"refused":               {false, refused, true},
		"refused, ended token":  {true, refused, false},
		"unavailable":           {false, &api.ResponseError{StatusCode: http.StatusServiceUnavailable, Errors: []string{"no leader"}}, false},
		"the file is unchanged": {false, errSameToken, false},
	} {
		var d denials
		held := &lease{fromLogin: true}
		if tc.sure {
			d.lookupDenied, d.canLookUp = held, held
		}
		if got := d.recordFailedLogin(held, tc.failure); got != tc.sure {
			t.Errorf("%s: ended = %t, want %t", name, got, tc.sure)
		}
		if got := !d.nextLogin.IsZero(); got != tc.want {
			t.Errorf("%s: the next login has to wait: %t, want %t", name, got, tc.want)
		}
	}
}

// TestLoginThatCannotBeTried: whether the token has ended is not known, so that it is worth
// trying again.
func TestLoginThatCannotBeTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuseLogins = true })
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(refusedLoginPause)
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			err := read("secret/data/denied")(ctx, c)
			v.set(func(v *fakeVault) { v.down = true })
			return err
		})
		if !errors.Is(err, vaulterr.ErrUnavailable) {
			t.Errorf("Do = %v, want ErrUnavailable", err)
		}
	})
}

// TestBareTokenThatEnds: nobody can log in again, but what is wrong can be told: of a
// token that could look itself up, and of no other.
func TestBareTokenThatEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		shy  bool
		want error
	}{"could look itself up": {false, vaulterr.ErrUnauthenticated}, "could not": {true, vaulterr.ErrPermissionDenied}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = tc.shy
				v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(time.Hour)}}
				s, _ := v.opened(t, Token(FromString("fake-bare")))
				if err := s.Do(t.Context(), probe); err != nil {
					t.Fatalf("Do = %v", err)
				}
				wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				time.Sleep(time.Minute)
				v.endTokens()
				for range 3 {
					if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), tc.want) {
						t.Errorf("Do with an ended token = %v, want %v", err, tc.want)
					}
				}
				if tc.shy && s.failures > 0 {
					t.Errorf("%d logins were tried with the same token", s.failures)
				}
				if failed := s.State().LoginError != nil; failed == tc.shy {
					t.Errorf("a login failed: %t, want %t", failed, !tc.shy)
				}
			})
		})
	}
}

// TestDenialOfABareTokenOfFewUses: its end was not asked about, so that it is not known.
func TestDenialOfABareTokenOfFewUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.uses = 100
		v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(time.Hour)}}
		s, _ := v.opened(t, Token(FromString("fake-bare")))
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		if v.lookups != 1 {
			t.Errorf("%d lookups, want that of the login alone", v.lookups)
		}
	})
}

// TestLivingTokenWithoutALogin: a token that may not look itself up goes on, and logins
// that are refused are few.
func TestLivingTokenWithoutALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuseLogins = true })
		start := time.Now()
		for i := 0; time.Since(start) < time.Hour; i++ {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatalf("Do = %v", err)
			}
			time.Sleep(time.Second)
		}
		if _, attempts, _ := v.count(); attempts > 1+30 {
			t.Errorf("%d logins were refused in an hour, want at most 30", attempts-1)
		}
	})
}

// TestReplacedTokenIsNotRevoked: it may be living, and other leases with it.
func TestReplacedTokenIsNotRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		synctest.Wait()
		v.wantLogins(t, 2)
		if len(v.tokens) != 2 {
			t.Errorf("%d tokens are living, want 2", len(v.tokens))
		}
	})
}

// TestNodesThatNeverAgreeCauseNoLoginStorm has one of several nodes know no token at all.
func TestNodesThatNeverAgreeCauseNoLoginStorm(t *testing.T) {
	for nodes := 2; nodes <= 5; nodes++ {
		for name, shy := range map[string]bool{"may look itself up": false, "may not": true} {
			t.Run(fmt.Sprintf("%d nodes, %s", nodes, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := newAmbiguousVault()
					v.noSelfLookup = shy
					s, _ := v.opened(t, nil)
					v.set(func(v *fakeVault) { v.lag, v.nodes = 100*time.Hour, nodes })
					for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
						_ = s.Do(t.Context(), probe)
					}
					if logins, _, _ := v.count(); logins > 100 {
						t.Errorf("%d logins in 10 min, want at most one in 6 s", logins)
					}
				})
			})
		}
	}
}

// TestBareTokenThatWasNeverServed: it has ended before the session began.
func TestBareTokenThatWasNeverServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, Token(FromString("fake-bare")))
		if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
			t.Errorf("Do = %v, want ErrUnauthenticated", err)
		}
	})
}

// TestTokenFileIsReadAgainSoon: a source that has not changed is no refused login.
func TestTokenFileIsReadAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		v.tokens = map[string]*fakeToken{"fake-old": {ends: time.Now().Add(time.Hour)}, "fake-new": {ends: time.Now().Add(time.Hour)}}
		source := "fake-old"
		s, _ := v.opened(t, Token(Credential{label: "a file", read: func() (string, error) { return source, nil }}))
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatalf("Do = %v", err)
		}
		v.set(func(v *fakeVault) { delete(v.tokens, "fake-old") })
		wantDenied(t, s.Do(t.Context(), probe))
		source = "fake-new"
		time.Sleep(loginBackoff.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with a new token in the file = %v", err)
		}
	})
}

// TestNodeThatLagsOnAVagueServer: it does not know the token that a login has just given.
func TestNodeThatLagsOnAVagueServer(t *testing.T) {
	for nodes := range 3 {
		t.Run(fmt.Sprintf("%d nodes", nodes+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				s, _ := v.opened(t, nil)
				v.endTokens()
				v.set(func(v *fakeVault) { v.lag, v.nodes = 700*time.Millisecond, nodes+1 })
				for start := time.Now(); time.Since(start) < 5*time.Minute; time.Sleep(100 * time.Millisecond) {
					if err := s.Do(t.Context(), probe); err != nil && time.Since(start) > 5*time.Second {
						t.Fatalf("after %v: Do = %v", time.Since(start), err)
					}
				}
				if logins, _, _ := v.count(); logins > 4 {
					t.Errorf("%d logins, want the first and at most three more", logins)
				}
			})
		})
	}
}

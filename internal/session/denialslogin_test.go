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

// TestDo_RepeatedDenialCausesNoSecondLogin checks tokens that cannot be looked up or whose
// uses are limited. One login shows that the right is missing, and the result is
// remembered.
func TestDo_RepeatedDenialCausesNoSecondLogin(t *testing.T) {
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
					t.Errorf("%d lookups of a token with limited uses, want 0", v.lookups)
				}
			})
		})
	}
}

// TestDo_RefusedLoginReturnsTheDenial checks that Do returns the denial while the token
// may be valid, because nothing shows otherwise, and ErrUnauthenticated once it is known to be
// invalid.
func TestDo_RefusedLoginReturnsTheDenial(t *testing.T) {
	for name, tc := range map[string]struct {
		looked, noOpenPath bool
		want               error
	}{
		"may be valid":            {noOpenPath: true, want: vaulterr.ErrPermissionDenied},
		"looked itself up before": {looked: true, noOpenPath: true, want: vaulterr.ErrUnauthenticated},
		"unknown to the server":   {want: vaulterr.ErrUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noOpenPath = tc.noOpenPath
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
				if known := errors.Is(tc.want, vaulterr.ErrUnauthenticated); s.tokenRefused != known {
					t.Errorf("tokenRefused = %t, want %t", s.tokenRefused, known)
				}
				if _, attempts, _ := v.count(); attempts > 12 {
					t.Errorf("%d login attempts in a minute, want at most 11", attempts-1)
				}
				v.set(func(v *fakeVault) { v.refuseLogins = false })
				time.Sleep(refusedLoginPause)
				if err := s.Do(t.Context(), probe); err != nil {
					t.Errorf("Do once logins are accepted again = %v, want no error", err)
				}
			})
		})
	}
}

// TestDenials_PauseAfterARefusedLogin checks that only a refused login delays the next
// one, and only if the token may be valid.
func TestDenials_PauseAfterARefusedLogin(t *testing.T) {
	refused := &api.ResponseError{StatusCode: http.StatusBadRequest, Errors: []string{"invalid role or secret ID"}}
	for name, tc := range map[string]struct {
		sure    bool
		failure error
		want    bool
	}{
		"refused":                {false, refused, true},
		"refused, invalid token": {true, refused, false},
		"unavailable":            {false, &api.ResponseError{StatusCode: http.StatusServiceUnavailable, Errors: []string{"no leader"}}, false},
		"the file is unchanged":  {false, errSameToken, false},
	} {
		var d denials
		held := &lease{fromLogin: true}
		if tc.sure {
			d.lookupDenied, d.canLookUp = held, held
		}
		if got := d.recordFailedLogin(held, tc.failure); got != tc.sure {
			t.Errorf("%s: recordFailedLogin = %t, want %t", name, got, tc.sure)
		}
		if got := !d.nextLogin.IsZero(); got != tc.want {
			t.Errorf("%s: nextLogin is set: %t, want %t", name, got, tc.want)
		}
	}
}

// TestDo_UnavailableLoginAfterADenial checks that Do returns ErrUnavailable if the login
// that would show whether the token is valid cannot be tried.
func TestDo_UnavailableLoginAfterADenial(t *testing.T) {
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

// TestDo_InvalidStaticToken checks the errors for a static token, which cannot be
// replaced. If it could look itself up, Do knows that it is invalid.
func TestDo_InvalidStaticToken(t *testing.T) {
	for name, tc := range map[string]struct {
		noLookup bool
		want     error
	}{"could look itself up": {false, vaulterr.ErrUnauthenticated}, "could not": {true, vaulterr.ErrPermissionDenied}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = tc.noLookup
				v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(time.Hour)}}
				s, _ := v.opened(t, Token(FromString("fake-bare")))
				if err := s.Do(t.Context(), probe); err != nil {
					t.Fatalf("Do = %v, want no error", err)
				}
				wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				time.Sleep(time.Minute)
				v.endTokens()
				for range 3 {
					if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), tc.want) {
						t.Errorf("Do with an invalid token = %v, want %v", err, tc.want)
					}
				}
				if tc.noLookup && s.failures > 0 {
					t.Errorf("%d failed logins with the same token, want 0", s.failures)
				}
				if failed := s.State().LoginError != nil; failed == tc.noLookup {
					t.Errorf("State has a LoginError: %t, want %t", failed, !tc.noLookup)
				}
			})
		})
	}
}

func TestDo_LookupsDoNotCostUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.uses = 100
		v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(time.Hour)}}
		s, _ := v.opened(t, Token(FromString("fake-bare")))
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		if v.lookups != 1 {
			t.Errorf("%d lookups, want only the login's", v.lookups)
		}
	})
}

// TestDo_ValidTokenWhileLoginsAreRefused checks that a valid token that cannot be looked
// up stays in use, with few refused logins.
func TestDo_ValidTokenWhileLoginsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuseLogins = true })
		start := time.Now()
		for i := 0; time.Since(start) < time.Hour; i++ {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatalf("Do = %v, want no error", err)
			}
			time.Sleep(time.Second)
		}
		if _, attempts, _ := v.count(); attempts > 1+30 {
			t.Errorf("%d refused logins in an hour, want at most 30", attempts-1)
		}
	})
}

// TestDo_ReplacedTokenIsNotRevoked checks that a replaced token stays valid, because
// leases may belong to it.
func TestDo_ReplacedTokenIsNotRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		synctest.Wait()
		v.wantLogins(t, 2)
		if len(v.tokens) != 2 {
			t.Errorf("%d valid tokens, want 2", len(v.tokens))
		}
	})
}

// TestDo_DisagreeingNodesCauseFewLogins has one of several nodes that does not know any
// token.
func TestDo_DisagreeingNodesCauseFewLogins(t *testing.T) {
	for nodes := 2; nodes <= 5; nodes++ {
		for name, noLookup := range map[string]bool{"may look itself up": false, "may not": true} {
			t.Run(fmt.Sprintf("%d nodes, %s", nodes, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := newAmbiguousVault()
					v.noSelfLookup = noLookup
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

func TestDo_StaticTokenThatNeverWorked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noOpenPath = true
		s, _ := v.opened(t, Token(FromString("fake-bare")))
		if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) {
			t.Errorf("Do = %v, want ErrUnauthenticated", err)
		}
	})
}

// TestDo_ReadsTheTokenFileAgain checks that an unchanged file does not delay the next
// login as a refused login would.
func TestDo_ReadsTheTokenFileAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup, v.noOpenPath = true, true
		v.tokens = map[string]*fakeToken{"fake-old": {ends: time.Now().Add(time.Hour)}, "fake-new": {ends: time.Now().Add(time.Hour)}}
		source := "fake-old"
		s, _ := v.opened(t, Token(Credential{label: "a file", read: func(context.Context) (string, error) { return source, nil }}))
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatalf("Do = %v, want no error", err)
		}
		v.set(func(v *fakeVault) { delete(v.tokens, "fake-old") })
		wantDenied(t, s.Do(t.Context(), probe))
		source = "fake-new"
		time.Sleep(loginBackoff.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with a new token in the file = %v, want no error", err)
		}
	})
}

// TestDo_LaggingNodeCausesFewLogins has a node that does not know the new token yet.
func TestDo_LaggingNodeCausesFewLogins(t *testing.T) {
	for nodes := range 3 {
		t.Run(fmt.Sprintf("%d nodes", nodes+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				s, _ := v.opened(t, nil)
				v.endTokens()
				v.set(func(v *fakeVault) { v.lag, v.nodes = 700*time.Millisecond, nodes+1 })
				for start := time.Now(); time.Since(start) < 5*time.Minute; time.Sleep(100 * time.Millisecond) {
					if err := s.Do(t.Context(), probe); err != nil && time.Since(start) > 5*time.Second {
						t.Fatalf("Do after %v = %v, want no error", time.Since(start), err)
					}
				}
				if logins, _, _ := v.count(); logins > 4 {
					t.Errorf("%d logins, want the first and at most three more", logins)
				}
			})
		})
	}
}

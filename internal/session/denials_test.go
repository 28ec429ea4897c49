package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// newAmbiguousVault returns a server that uses the same text for an invalid token and a
// missing right, as OpenBao 2.6 and later do.
func newAmbiguousVault() *fakeVault {
	return &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour, sameText: true}
}

func read(path string) func(context.Context, *api.Client) error {
	return func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().ReadWithContext(ctx, path)
		return err
	}
}

// endTokens makes every token invalid, as a revocation would.
func (v *fakeVault) endTokens() { v.set(func(v *fakeVault) { clear(v.tokens) }) }

// wantLogins compares the number of logins so far.
func (v *fakeVault) wantLogins(t *testing.T, want int) {
	t.Helper()
	if logins, attempts, _ := v.count(); logins != want || attempts != want {
		t.Errorf("%d logins in %d attempts, want %d", logins, attempts, want)
	}
}

func wantDenied(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
		t.Errorf("Do = %v, want ErrPermissionDenied", err)
	}
}

func TestDo_ReplacesInvalidTokens(t *testing.T) {
	for name, noLookup := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = noLookup
				s, _ := v.opened(t, nil)
				for ended := range 5 {
					v.endTokens()
					if err := s.Do(t.Context(), probe); err != nil {
						t.Fatalf("Do with invalid token %d = %v, want no error", ended+1, err)
					}
					v.wantLogins(t, ended+2)
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

func TestDo_ManyCallersCauseOneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.latency = 10 * time.Millisecond })
		v.endTokens()
		var crowd sync.WaitGroup
		for i := range 100 {
			crowd.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := s.Do(t.Context(), probe); err != nil {
					t.Errorf("Do = %v, want no error", err)
				}
			})
		}
		crowd.Wait()
		v.wantLogins(t, 2)
		if v.unknownLookups != 1 || v.lookups != 1 {
			t.Errorf("%d lookups of an unknown token and %d of the session's, want one of each", v.unknownLookups, v.lookups)
		}
	})
}

func TestDo_DenialCausesNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		v.wantLogins(t, 1)
		if v.lookups < 10 || v.lookups > 45 {
			t.Errorf("%d lookups in 10 min, want one in about 30 s", v.lookups)
		}
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			time.Sleep(loginBackoff.Max)
			err = s.Do(t.Context(), probe)
			if err != nil {
				t.Errorf("Do with an invalid token after many denials = %v, want no error", err)
			}
		}
		v.wantLogins(t, 2)
	})
}

// TestDo_DenialOfAReplacedTokenIsRepeated checks that a request denied with an older token
// is sent again with the present one, without a lookup.
func TestDo_DenialOfAReplacedTokenIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true, sameText: true}
		s, _ := v.opened(t, nil)
		calls := 0
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			if calls++; calls == 1 {
				time.Sleep(50 * time.Minute) // the renewer logs in
				v.set(func(v *fakeVault) { delete(v.tokens, "fake-token-1") })
			}
			return probe(ctx, c)
		})
		if err != nil || calls != 2 {
			t.Errorf("Do = %v after %d calls, want success after 2", err, calls)
		}
		v.wantLogins(t, 2)
		if v.lookups > 0 {
			t.Errorf("%d lookups, want 0", v.lookups)
		}
	})
}

func TestDenials_RememberedRequestsAreLimited(t *testing.T) {
	var d denials
	for i := range 3 * maxDenials {
		d.rememberDenial(fmt.Sprint(i), denialTTL)
	}
	if len(d.denied) == 0 || len(d.denied) > maxDenials {
		t.Errorf("%d denials remembered, want 1 to %d", len(d.denied), maxDenials)
	}
}

// TestDo_NoErrorsWhileTokensEnd sends a request every second while tokens become invalid
// again and again. No request fails.
func TestDo_NoErrorsWhileTokensEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		v     *fakeVault
		every time.Duration // the token is revoked
	}{
		"three uses":                       {&fakeVault{uses: 3, countUses: true}, 0},
		"three uses, may not look":         {&fakeVault{uses: 3, countUses: true, noSelfLookup: true}, 0},
		"revoked every 20 s":               {&fakeVault{}, 20 * time.Second},
		"revoked every 20 s, may not look": {&fakeVault{noSelfLookup: true}, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.v.sameText, tc.v.ttl, tc.v.maxTTL = true, 100*time.Hour, 100*time.Hour
				s, _ := tc.v.opened(t, nil)
				last := time.Now()
				for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(time.Second) {
					if tc.every > 0 && time.Since(last) >= tc.every {
						tc.v.endTokens()
						last = time.Now()
					}
					if err := s.Do(t.Context(), probe); err != nil {
						t.Fatalf("Do after %v = %v, want no error", time.Since(start), err)
					}
				}
			})
		})
	}
}

// TestDo_InvalidTokenBesideADeniedRequest checks that a request which is always denied
// does not delay the login for other requests for long.
func TestDo_InvalidTokenBesideADeniedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		ended, failed := 0, 0
		for start := time.Now(); time.Since(start) < 2*time.Hour; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
			if int(time.Since(start)/(10*time.Minute)) > ended {
				ended++
				v.endTokens()
			}
			if s.Do(t.Context(), probe) != nil {
				failed++
			}
		}
		if most := ended * int(loginBackoff.Min/(100*time.Millisecond)); failed > most {
			t.Errorf("%d requests failed with %d invalid tokens, want at most %d", failed, ended, most)
		}
	})
}

func TestDenials_IgnoreSuccessesOfOtherTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.refuseLogins = true })
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://vault.invalid/v1/secret/data/probe", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(api.AuthHeaderName, "fake-other")
		s.denials.recordSuccess(request)
		if s.denials.lookupDenied != s.currentLease() {
			t.Error("lookupDenied is cleared by another token's success, want it kept")
		}
	})
}

// TestDo_SuccessEndsARememberedDenial grants a missing right and then makes the token
// invalid.
func TestDo_SuccessEndsARememberedDenial(t *testing.T) {
	for name, noLookup := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = noLookup
				s, _ := v.opened(t, nil)
				wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				v.set(func(v *fakeVault) { v.granted = true })
				time.Sleep(loginBackoff.Max)
				if err := s.Do(t.Context(), read("secret/data/denied")); err != nil {
					t.Fatalf("Do with the right = %v, want no error", err)
				}
				v.endTokens()
				if err := s.Do(t.Context(), read("secret/data/denied")); err != nil {
					t.Errorf("Do with an invalid token = %v, want no error", err)
				}
			})
		})
	}
}

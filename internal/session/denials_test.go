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

// vague is a server like OpenBao since 2.6, which says the same of a token that has
// ended and of a right that is missing.
func newAmbiguousVault() *fakeVault {
	return &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour, sameText: true}
}

func read(path string) func(context.Context, *api.Client) error {
	return func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().ReadWithContext(ctx, path)
		return err
	}
}

// endTokens has every token end, as a revocation would.
func (v *fakeVault) endTokens() { v.set(func(v *fakeVault) { clear(v.tokens) }) }

// wantLogins compares the number of logins so far.
func (v *fakeVault) wantLogins(t *testing.T, want int) {
	t.Helper()
	if logins, attempts, _ := v.count(); logins != want || attempts != want {
		t.Errorf("%d logins of %d attempts, want %d", logins, attempts, want)
	}
}

func wantDenied(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
		t.Errorf("Do = %v, want ErrPermissionDenied", err)
	}
}

func TestEndedTokenIsReplacedWhateverTheServerSays(t *testing.T) {
	for name, shy := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = shy
				s, _ := v.opened(t, nil)
				for deaths := range 5 {
					v.endTokens()
					if err := s.Do(t.Context(), probe); err != nil {
						t.Fatalf("Do after death %d = %v", deaths+1, err)
					}
					v.wantLogins(t, deaths+2)
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

func TestCrowdOnAnEndedTokenCostsOneLogin(t *testing.T) {
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
					t.Errorf("Do = %v", err)
				}
			})
		}
		crowd.Wait()
		v.wantLogins(t, 2)
		if v.unknownLookups != 1 || v.lookups != 1 {
			t.Errorf("%d questions with an unknown token and %d with its own, want one of each", v.unknownLookups, v.lookups)
		}
	})
}

func TestDenialCostsNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		v.wantLogins(t, 1)
		if v.lookups < 10 || v.lookups > 45 {
			t.Errorf("%d questions in 10 min, want one in about 30 s", v.lookups)
		}
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			time.Sleep(loginBackoff.Max)
			err = s.Do(t.Context(), probe)
			if err != nil {
				t.Errorf("Do on an ended token after many denials = %v", err)
			}
		}
		v.wantLogins(t, 2)
	})
}

// TestDenialOfAnOlderToken: a request that was sent with the token before is sent again
// with the present one, without a question.
func TestDenialOfAnOlderToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true, sameText: true}
		s, _ := v.opened(t, nil)
		calls := 0
		err := s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			if calls++; calls == 1 {
				time.Sleep(50 * time.Minute) // the keeper logs in
				v.set(func(v *fakeVault) { delete(v.tokens, "fake-token-1") })
			}
			return probe(ctx, c)
		})
		if err != nil || calls != 2 {
			t.Errorf("Do = %v after %d calls, want success after 2", err, calls)
		}
		v.wantLogins(t, 2)
		if v.lookups > 0 {
			t.Errorf("%d questions", v.lookups)
		}
	})
}

func TestDenialsRememberedAreBounded(t *testing.T) {
	var d denials
	for i := range 3 * maxDenials {
		d.rememberDenial(fmt.Sprint(i), denialTTL)
	}
	if len(d.denied) == 0 || len(d.denied) > maxDenials {
		t.Errorf("%d denials remembered, want 1 to %d", len(d.denied), maxDenials)
	}
}

// TestServiceOnAVagueServer has tokens end again and again under a service that asks
// once a second. Nobody notices.
func TestServiceOnAVagueServer(t *testing.T) {
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
						t.Fatalf("after %v: Do = %v", time.Since(start), err)
					}
				}
			})
		})
	}
}

// TestEndedTokenBesideADeniedRequest: one request that is always denied does not keep the
// others from finding out for long.
func TestEndedTokenBesideADeniedRequest(t *testing.T) {
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
			t.Errorf("%d requests failed at %d ends of a token, want at most %d", failed, ended, most)
		}
	})
}

// TestSuccessWithAnotherTokenSaysNothing of the one whose lookup was refused.
func TestSuccessWithAnotherTokenSaysNothing(t *testing.T) {
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
			t.Error("the refusal of the token's lookup is forgotten")
		}
	})
}

// TestServedRequestIsNoLongerRemembered: a right was missing, was given, and then the
// token ends.
func TestServedRequestIsNoLongerRemembered(t *testing.T) {
	for name, shy := range map[string]bool{"may look itself up": false, "may not": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = shy
				s, _ := v.opened(t, nil)
				wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
				v.set(func(v *fakeVault) { v.granted = true })
				time.Sleep(loginBackoff.Max)
				if err := s.Do(t.Context(), read("secret/data/denied")); err != nil {
					t.Fatalf("Do with the right = %v", err)
				}
				v.endTokens()
				if err := s.Do(t.Context(), read("secret/data/denied")); err != nil {
					t.Errorf("Do with an ended token = %v", err)
				}
			})
		})
	}
}

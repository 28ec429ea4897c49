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

// TestDo_ManyDenialsCauseFewLookups sends a different request each time.
func TestDo_ManyDenialsCauseFewLookups(t *testing.T) {
	for name, tc := range map[string]struct {
		noLookup bool
		logins   int // the first, and at most one for each pause
	}{"may look itself up": {false, 1}, "may not": {true, 45}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAmbiguousVault()
				v.noSelfLookup = tc.noLookup
				s, _ := v.opened(t, nil)
				start := time.Now()
				for i := 0; time.Since(start) < 10*time.Minute; i++ {
					wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
					time.Sleep(100 * time.Millisecond)
				}
				if logins, _, _ := v.count(); logins > tc.logins {
					t.Errorf("%d logins in 10 min, want at most %d", logins, tc.logins)
				}
				if v.lookups > 600 {
					t.Errorf("%d lookups in 10 min, want at most one a second", v.lookups)
				}
			})
		})
	}
}

// TestDo_FailedLookupReturnsTheDenial checks that an outage during the lookup leaves open
// whether the token is valid.
func TestDo_FailedLookupReturnsTheDenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.endTokens()
		wantDenied(t, s.Do(t.Context(), func(ctx context.Context, c *api.Client) error {
			err := probe(ctx, c)
			v.set(func(v *fakeVault) { v.down = true })
			return err
		}))
		v.set(func(v *fakeVault) { v.down = false })
		time.Sleep(loginBackoff.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do = %v, want no error", err)
		}
		v.wantLogins(t, 2)
	})
}

func TestDo_LookupPausesShrinkAfterAQuietTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		for i := range 600 {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		v.endTokens()
		time.Sleep(loginBackoff.Min)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token = %v, want no error", err)
		}
	})
}

func TestDo_CallerMayAbandonALookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.latency = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		wantDenied(t, s.Do(ctx, read("secret/data/denied")))
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("Do took %v, want 1.5s, until its context ended", took)
		}
	})
}

// TestDo_NoLookupsIfVaultNamesInvalidTokens checks that a server with its own text for
// invalid tokens gets one lookup of an unknown token in ten minutes, and no other.
func TestDo_NoLookupsIfVaultNamesInvalidTokens(t *testing.T) {
	for name, v := range map[string]*fakeVault{
		"usual": {}, "may not look itself up": {noSelfLookup: true}, "uses are counted": {uses: 1e6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v.ttl, v.maxTTL = 100*time.Hour, 100*time.Hour
				s, _ := v.opened(t, nil)
				start := time.Now()
				for i := 0; time.Since(start) < time.Hour; i++ {
					wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
					time.Sleep(time.Second)
				}
				v.wantLogins(t, 1)
				if v.lookups != 0 || v.unknownLookups < 1 || v.unknownLookups > 7 {
					t.Errorf("%d lookups of the session's token and %d of an unknown one in an hour, want 0 and 1 to 7", v.lookups, v.unknownLookups)
				}
			})
		})
	}
}

// TestDo_NoLookupsIfTextsDiffer checks a server whose text for a missing right differs
// from that for an invalid token. Only the latter is worth a lookup.
func TestDo_NoLookupsIfTextsDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.distinctText, v.noSelfLookup = true, true
		s, _ := v.opened(t, nil)
		for i := range 100 {
			wantDenied(t, s.Do(t.Context(), read(fmt.Sprintf("secret/data/denied-%d", i))))
			time.Sleep(time.Second)
		}
		v.wantLogins(t, 1)
		if v.lookups != 0 || v.unknownLookups != 1 {
			t.Errorf("%d lookups of the session's token and %d of an unknown one, want 0 and 1", v.lookups, v.unknownLookups)
		}
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token = %v, want no error", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestDo_NoticesAnUpgradedServer upgrades the server and makes the token invalid half an
// hour later.
func TestDo_NoticesAnUpgradedServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(30 * time.Minute)
		v.set(func(v *fakeVault) { v.sameText = true })
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token = %v, want no error", err)
		}
		v.wantLogins(t, 2)
	})
}

// TestDo_ProxyAnswersForUnknownTokens has a gateway that rejects tokens by their format.
func TestDo_ProxyAnswersForUnknownTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.unknownStatus = http.StatusBadRequest
		s, _ := v.opened(t, nil)
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token = %v, want no error", err)
		}
		v.wantLogins(t, 2)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		v.wantLogins(t, 2)
	})
}

// TestDo_AgentReplacesTheToken checks that no login happens, because the session's token
// never reaches Vault.
func TestDo_AgentReplacesTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup, v.unknownStatus = true, http.StatusOK
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 9*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		v.wantLogins(t, 1)
		if v.unknownLookups != 1 || v.lookups != 0 {
			t.Errorf("%d lookups of an unknown token and %d of the session's, want 1 and 0", v.unknownLookups, v.lookups)
		}
	})
}

// TestDo_UnknownTokenLookupFails checks that a failed lookup of an unknown token is
// repeated, but not for each denial.
func TestDo_UnknownTokenLookupFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.lookupDown = true
		s, _ := v.opened(t, nil)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		if v.unknownLookups < 20 || v.unknownLookups > 45 {
			t.Errorf("%d lookups in 10 min, want one in about 30 s", v.unknownLookups)
		}
		v.set(func(v *fakeVault) { v.lookupDown = false })
		v.endTokens()
		time.Sleep(loginBackoff.Max)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token = %v, want no error", err)
		}
		v.wantLogins(t, 2)

		time.Sleep(unknownTokenTTL)
		v.lookupDown, v.unknownLookups = true, 0
		for start := time.Now(); time.Since(start) < 8*time.Second; time.Sleep(100 * time.Millisecond) {
			wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		}
		if v.unknownLookups < 3 {
			t.Errorf("%d lookups in the first 8 s of another outage, want at least 3", v.unknownLookups)
		}
	})
}

func TestDenials_IgnoreLookupsOfReplacedTokens(t *testing.T) {
	var d denials
	nobody := func(*tokenLookup) {}
	first, _ := d.decide("GET a", &lease{}, true, nobody)
	d.nextLookup = time.Time{}
	present := &lease{}
	second, _ := d.decide("GET a", present, true, nobody)
	if second == nil || second == first {
		t.Fatal("decide returns the lookup of a replaced token, want a new one")
	}
	d.recordLookup(first, nil, false)
	if again, _ := d.decide("GET b", present, true, nobody); again != second {
		t.Error("decide starts another lookup, want the running one")
	}
}

// TestDo_UnknownTokenTextIsKeptDuringAnOutage checks that the last known text for unknown
// tokens is used while lookup-self fails.
func TestDo_UnknownTokenTextIsKeptDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.noSelfLookup = true
		s, _ := v.opened(t, nil)
		wantDenied(t, s.Do(t.Context(), read("secret/data/denied")))
		time.Sleep(2 * unknownTokenTTL)
		v.set(func(v *fakeVault) { v.uses = 1e6 }) // tokens with limited uses are not looked up
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token = %v, want no error", err)
		}
		time.Sleep(2 * unknownTokenTTL)
		v.set(func(v *fakeVault) { v.lookupDown = true })
		v.endTokens()
		if err := s.Do(t.Context(), probe); err != nil {
			t.Errorf("Do with an invalid token while lookup-self fails = %v, want no error", err)
		}
	})
}

// TestDo_TokenLosesTheRightToLookItselfUp checks that a token counts as valid while its
// requests succeed.
func TestDo_TokenLosesTheRightToLookItselfUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		v.tokens = map[string]*fakeToken{"fake-bare": {ends: time.Now().Add(1000 * time.Hour)}}
		s, _ := v.opened(t, Token(FromString("fake-bare")))
		v.set(func(v *fakeVault) { v.noSelfLookup = true })
		failed := 0
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(time.Second) {
			if err := s.Do(t.Context(), read("secret/data/denied")); !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied) {
				failed++
			}
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatalf("Do = %v, want no error", err)
			}
		}
		if failed > 20 || s.tokenRefused {
			t.Errorf("%d of 600 denials counted as an invalid token, want at most 20; tokenRefused = %t, want false", failed, s.tokenRefused)
		}
	})
}

func TestClose_DuringALookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAmbiguousVault()
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.latency = time.Second })
		result := make(chan error, 1)
		go func() { result <- s.Do(t.Context(), read("secret/data/denied")) }()
		time.Sleep(1500 * time.Millisecond)
		_ = s.Close()
		if err := <-result; err == nil {
			t.Error("Do during Close = nil, want an error")
		}
	})
}

package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// countLogins calls Do ten times a second for a while and returns the number of logins.
// Each call must fail at once with ErrUnauthenticated.
func (v *fakeVault) countLogins(t *testing.T, s *Session, whole time.Duration) int {
	t.Helper()
	before, _, _ := v.count()
	for start := time.Now(); time.Since(start) < whole; time.Sleep(100 * time.Millisecond) {
		began := time.Now()
		if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) || time.Since(began) > 0 {
			t.Fatalf("Do = %v after %v, want ErrUnauthenticated at once", err, time.Since(began))
		}
	}
	after, _, _ := v.count()
	return after - before
}

// TestDo_PausesIfTheNewTokenIsRefused has a standby that knows no new token.
func TestDo_PausesIfTheNewTokenIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, logs := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = time.Hour })
		if n := v.countLogins(t, s, time.Second); n != 1 {
			t.Errorf("%d logins in the first second, want 1", n)
		}
		if err := s.Do(t.Context(), probe); !strings.Contains(err.Error(), "returned at login") || s.State().LoginError == nil {
			t.Errorf("Do = %v, State = %+v, want the refused token in both", err, s.State())
		}
		v.countLogins(t, s, 2*time.Minute)
		if n := v.countLogins(t, s, 5*time.Minute); n < 9 || n > 21 {
			t.Errorf("%d logins in 5 min, want one in 15-30 s", n)
		}
		logins, _, _ := v.count()
		if lines := linesWith(logs, "does not know the token of the login"); len(lines) != logins-1 {
			t.Errorf("%d warnings, want %d, one for each login", len(lines), logins-1)
		}
		v.set(func(v *fakeVault) { v.lag = 0 })
		doEvery(t, s, time.Second, time.Minute)
		if after, _, _ := v.count(); after != logins || s.State().LoginError != nil {
			t.Errorf("%d logins once the standby knows the token, want 0; State = %+v, want no LoginError", after-logins, s.State())
		}
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = time.Hour })
		if n := v.countLogins(t, s, 4*time.Second); n < 2 {
			t.Errorf("%d logins in 4 s, want at least 2: a success resets the pause", n)
		}
	})
}

// TestDo_ShortLagCausesOneLogin checks that a token refused by a lagging standby is used
// once the standby knows it.
func TestDo_ShortLagCausesOneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 10 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = 500 * time.Millisecond })
		v.countLogins(t, s, 450*time.Millisecond)
		doEvery(t, s, 100*time.Millisecond, time.Minute)
		if logins, _, _ := v.count(); logins != 2 {
			t.Errorf("%d logins, want the first and one more", logins)
		}
	})
}

// TestDo_OneLaggingNodeOfTwoCausesFewLogins checks that the session keeps a token long
// enough for the lagging node to learn of it.
func TestDo_OneLaggingNodeOfTwoCausesFewLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 10 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag, v.nodes = 700*time.Millisecond, 2 })
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
			if err := s.Do(t.Context(), probe); err != nil && time.Since(start) > 2*time.Second {
				t.Fatalf("Do after %v = %v, want no error", time.Since(start), err)
			}
		}
		if logins, _, _ := v.count(); logins > 3 || s.State().LoginError != nil || s.check.open {
			t.Errorf("%d logins, want at most 3; State = %+v, check open: %t, want neither error nor check", logins, s.State(), s.check.open)
		}
	})
}

// TestDo_UnusedTokenIsReplacedAtOnce checks that no request fails if a token that was
// never used becomes invalid long after its login.
func TestDo_UnusedTokenIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true}
		s, _ := v.opened(t, nil)
		for range 3 {
			time.Sleep(45 * time.Minute) // the renewer logs in
			v.set(func(v *fakeVault) { clear(v.tokens) })
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestRenewer_RenewalEndsTheTokenCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = time.Minute })
		v.countLogins(t, s, 10*time.Second)
		time.Sleep(time.Hour)
		if s.State().LoginError != nil || s.check.open || s.failures != 0 {
			t.Errorf("check open: %t, %d failures, LoginError = %v after a renewal, want none", s.check.open, s.failures, s.State().LoginError)
		}
	})
}

// TestState_ShortLagIsForgotten checks that LoginError is cleared once the new token
// works, even if no other request follows.
func TestState_ShortLagIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 1000 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = 500 * time.Millisecond })
		if err := s.Do(t.Context(), probe); err == nil || s.State().LoginError == nil {
			t.Fatalf("Do = %v, LoginError = %v, want both", err, s.State().LoginError)
		}
		time.Sleep(time.Second)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if err := s.State().LoginError; err != nil {
			t.Errorf("LoginError a day later = %v, want none", err)
		}
	})
}

func TestVaultKnewToken(t *testing.T) {
	says := func(status int, texts ...string) error { return &api.ResponseError{StatusCode: status, Errors: texts} }
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"served":        {nil, true},
		"denied":        {says(403, "permission denied"), true},
		"not found":     {&api.ResponseError{StatusCode: 404, Errors: []string{}}, true},
		"bad request":   {says(400, "no"), true},
		"unavailable":   {says(500, "no leader"), false},
		"sealed":        {says(503, "Vault is sealed"), false},
		"refused":       {says(403, "permission denied", "invalid token"), false},
		"a proxy's 403": {&api.ResponseError{StatusCode: 403, RawError: true}, false},
		"a proxy's 200": {&vaulterr.Error{Kind: vaulterr.ErrNotKVv2}, false},
		"no response":   {errors.New("connection reset by peer"), false},
		"canceled":      {context.Canceled, false},
	} {
		if got := vaultKnewToken(tc.err); got != tc.want {
			t.Errorf("vaultKnewToken(%s) = %t, want %t", name, got, tc.want)
		}
	}
}

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

// refusals calls Do ten times a second for a while, each of which must end at once
// with ErrUnauthenticated, and counts the logins meanwhile.
func (v *fakeVault) countLogins(t *testing.T, s *Session, whole time.Duration) int {
	t.Helper()
	before, _, _ := v.count()
	for start := time.Now(); time.Since(start) < whole; time.Sleep(100 * time.Millisecond) {
		began := time.Now()
		if err := s.Do(t.Context(), probe); !errors.Is(vaulterr.Kind(err), vaulterr.ErrUnauthenticated) || time.Since(began) > 0 {
			t.Fatalf("Do = %v after %v", err, time.Since(began))
		}
	}
	after, _, _ := v.count()
	return after - before
}

// A standby that knows no new token, however many there are, is not asked for one
// per request.
func TestLoginsWhoseTokenIsRefusedCoolDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, logs := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = time.Hour })
		if n := v.countLogins(t, s, time.Second); n != 1 {
			t.Errorf("%d logins in the first second, want 1", n)
		}
		if err := s.Do(t.Context(), probe); !strings.Contains(err.Error(), "has just given") || s.State().LoginError == nil {
			t.Errorf("Do = %v, state %+v", err, s.State())
		}
		v.countLogins(t, s, 2*time.Minute)
		if n := v.countLogins(t, s, 5*time.Minute); n < 9 || n > 21 {
			t.Errorf("%d logins in 5 min, want one in 15-30 s", n)
		}
		logins, _, _ := v.count()
		if lines := linesWith(logs, "has just given"); len(lines) != logins-1 {
			t.Errorf("%d warnings of %d logins", len(lines), logins-1)
		}
		v.set(func(v *fakeVault) { v.lag = 0 })
		doEvery(t, s, time.Second, time.Minute)
		if after, _, _ := v.count(); after != logins || s.State().LoginError != nil {
			t.Errorf("%d logins once the standby knows the token, state %+v", after-logins, s.State())
		}
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = time.Hour })
		if n := v.countLogins(t, s, 4*time.Second); n < 2 {
			t.Errorf("%d logins in 4 s: success did not reset the pause", n)
		}
	})
}

// Whoever comes first is refused; the token is good when the standby has caught up.
func TestShortLagCostsOneLogin(t *testing.T) {
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

// Where one of two nodes lags, a login per refusal would never let it catch up.
func TestOneNodeThatLagsCostsFewLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 10 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag, v.nodes = 700*time.Millisecond, 2 })
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
			if err := s.Do(t.Context(), probe); err != nil && time.Since(start) > 2*time.Second {
				t.Fatalf("Do after %v: %v", time.Since(start), err)
			}
		}
		if logins, _, _ := v.count(); logins > 3 || s.State().LoginError != nil || s.check.open {
			t.Errorf("%d logins, want the first and at most two more; state %+v, on trial %t", logins, s.State(), s.check.open)
		}
	})
}

// A token that was never used and is lost long after its login is replaced without
// anybody noticing, and so is the next one.
func TestUnusedTokenIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true}
		s, _ := v.opened(t, nil)
		for range 3 {
			time.Sleep(45 * time.Minute) // the keeper logs in
			v.set(func(v *fakeVault) { clear(v.tokens) })
			if err := s.Do(t.Context(), probe); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Renewing a token proves it as any request does.
func TestRenewalProvesTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = time.Minute })
		v.countLogins(t, s, 10*time.Second)
		time.Sleep(time.Hour)
		if s.State().LoginError != nil || s.check.open || s.failures != 0 {
			t.Errorf("after a renewal: on trial %t, %d failures, %v", s.check.open, s.failures, s.State().LoginError)
		}
	})
}

// A login whose token a standby did not know for a moment is no trouble any more once
// the token was served, however long nothing else is asked.
func TestShortLagIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 1000 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.lag = 500 * time.Millisecond })
		if err := s.Do(t.Context(), probe); err == nil || s.State().LoginError == nil {
			t.Fatalf("%v, %v", err, s.State().LoginError)
		}
		time.Sleep(time.Second)
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if err := s.State().LoginError; err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

// Only what shows that Vault knew the token ends the trial.
func TestServed(t *testing.T) {
	says := func(status int, texts ...string) error { return &api.ResponseError{StatusCode: status, Errors: texts} }
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"served":      {nil, true},
		"denied":      {says(403, "permission denied"), true},
		"not found":   {&api.ResponseError{StatusCode: 404, Errors: []string{}}, true},
		"bad request": {says(400, "no"), true},
		"unavailable": {says(500, "no leader"), false},
		"sealed":      {says(503, "Vault is sealed"), false},
		"refused":     {says(403, "permission denied", "invalid token"), false},
		"a hop's 403": {&api.ResponseError{StatusCode: 403, RawError: true}, false},
		"a hop's 200": {&vaulterr.Error{Kind: vaulterr.ErrNotKVv2}, false},
		"no answer":   {errors.New("connection reset by peer"), false},
		"given up":    {context.Canceled, false},
	} {
		if got := vaultKnewToken(tc.err); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

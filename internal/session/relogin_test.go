package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// endlessLogin is a login of many requests that Vault answers too slowly.
type endlessLogin struct{ Method }

func (m endlessLogin) login(ctx context.Context, t *transport, previous *lease) (*lease, error) {
	if previous == nil {
		return m.Method.login(ctx, t, nil)
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// A later login ends after twice the time that one request may take, however many it sends.
func TestDo_LimitsALaterLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: time.Hour}
		s, _ := v.opened(t, endlessLogin{AppRole("", FromString("fake-role-id"), FromString("fake-secret-id"))})
		v.set(func(v *fakeVault) { clear(v.tokens) })
		began := time.Now()
		if err := s.Do(t.Context(), probe); err == nil || time.Since(began) != 2*defaultRequestTimeout {
			t.Errorf("Do during an endless login = %v after %v, want an error after %v", err, time.Since(began), 2*defaultRequestTimeout)
		}
	})
}

// However often logins have failed, the next one is at most half a minute away.
func TestDo_PausesAtMostThirtySecondsBetweenLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.refuseLogins = true })
		attemptsIn := func(whole time.Duration) int {
			_, before, _ := v.count()
			for start := time.Now(); time.Since(start) < whole; time.Sleep(time.Second) {
				if err := s.Do(t.Context(), probe); err == nil {
					t.Fatal("Do while logins are refused = nil, want an error")
				}
			}
			_, after, _ := v.count()
			return after - before
		}
		attemptsIn(time.Hour)
		if n := attemptsIn(time.Hour); n < 115 || n > 245 {
			t.Errorf("%d logins in the second hour of refusals, want one every 15 to 30 s", n)
		}
	})
}

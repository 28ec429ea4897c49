package session

import (
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/event"
)

// The observer hears of a failed login, unless the session was closed meanwhile: then nobody needs it.
func TestObserver_HearsOfFailuresUntilClose(t *testing.T) {
	for name, tc := range map[string]struct {
		fail  func(v *fakeVault, s *Session)
		wants int // events with an error
	}{
		"refused": {func(v *fakeVault, _ *Session) { v.set(func(v *fakeVault) { v.refuseLogins = true }) }, 1},
		"closed": {func(v *fakeVault, s *Session) {
			v.loginTakes = time.Second
			time.AfterFunc(time.Millisecond, func() { _ = s.Close() })
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeVault{ttl: time.Hour, maxTTL: time.Hour}
				s, _ := v.opened(t, nil)
				heard := 0
				s.config.Observe = func(e event.Event) {
					if e.Kind == event.Relogin && e.Err != nil {
						heard++
					}
				}
				v.set(func(v *fakeVault) { clear(v.tokens) })
				tc.fail(v, s)
				if err := s.Do(t.Context(), probe); err == nil || heard != tc.wants {
					t.Errorf("Do = %v, and the observer heard of %d failed logins, want an error and %d", err, heard, tc.wants)
				}
			})
		})
	}
}

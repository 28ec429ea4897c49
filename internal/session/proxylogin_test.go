package session

import (
	"testing"
	"testing/synctest"
	"time"
)

// A proxy's token is looked up once, and then neither renewed, replaced nor revoked, although
// it has an end.
func TestProxyLogin_LeavesTheTokenAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 2 * time.Hour}
		v.tokens = map[string]*fakeToken{"": {issued: time.Now(), ends: time.Now().Add(11 * time.Hour)}}
		s, logs := v.opened(t, ProxyLogin())
		doEvery(t, s, time.Minute, 10*time.Hour)
		if state := s.State(); !state.Ends.IsZero() || state.LoginError != nil {
			t.Errorf("State = %+v, want no end and no error", state)
		}
		_ = s.Close()
		if logins, _, renewals := v.count(); logins != 0 || renewals != 0 || v.lookups != 1 || s.Logins() != 1 {
			t.Errorf("%d logins, %d renewals, %d lookups, want one lookup", logins, renewals, v.lookups)
		}
		if v.tokens[""] == nil {
			t.Error("Close revoked the proxy's token, want it kept")
		}
		if warnings := linesWith(logs, "WARN"); len(warnings) > 0 {
			t.Errorf("the log has warnings %q, want none", warnings)
		}
	})
}

package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulterr"
)

// doEvery calls Do at an interval for a while and fails at the first error.
func doEvery(t *testing.T, s *Session, interval, whole time.Duration) {
	t.Helper()
	for start := time.Now(); time.Since(start) < whole; time.Sleep(interval) {
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatalf("Do after %v = %v, want no error", time.Since(start), err)
		}
	}
}

func TestRenewer_LogsInBeforeTheMaximumTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 10 * time.Hour}
		s, _ := v.opened(t, nil)
		doEvery(t, s, time.Minute, 100*time.Hour)
		logins, attempts, renewals := v.count()
		if logins < 10 || logins > 13 || attempts != logins {
			t.Errorf("%d logins in %d attempts, want about one in 10 h", logins, attempts)
		}
		if renewals < 120 || renewals > 175 {
			t.Errorf("%d renewals in 100 h, want about one in 40 min", renewals)
		}
		if v.invalidRequests != 0 {
			t.Errorf("%d requests with an invalid token, want 0", v.invalidRequests)
		}
		if s.Client().Token() != s.currentLease().client.Token() {
			t.Error("Client().Token() differs from the last login's token, want the same")
		}
	})
}

func TestRenewer_KeepsTheTokenThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 100 * time.Hour}
		s, logs := v.opened(t, nil)
		time.Sleep(30 * time.Minute)
		v.set(func(v *fakeVault) { v.down = true })
		time.Sleep(20 * time.Minute)
		v.set(func(v *fakeVault) { v.down = false })
		doEvery(t, s, time.Minute, 2*time.Hour)
		if logins, _, _ := v.count(); logins != 1 {
			t.Errorf("%d logins, want the first token kept", logins)
		}
		if len(linesWith(logs, "failed to renew")) == 0 {
			t.Error("the log has no warning about the failed renewals, want one")
		}
	})
}

func TestRenewer_LogsInAfterALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { v.down = true })
		time.Sleep(3 * time.Hour)
		v.set(func(v *fakeVault) { v.down = false })
		time.Sleep(31 * time.Second)
		if logins, _, _ := v.count(); logins != 2 {
			t.Errorf("%d logins half a minute after the outage, want 2", logins)
		}
		doEvery(t, s, time.Minute, time.Hour)
	})
}

func TestRenewer_ReplacesTokensThatCannotBeRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, notRenewable: true}
		s, _ := v.opened(t, nil)
		doEvery(t, s, time.Minute, 10*time.Hour)
		if logins, _, renewals := v.count(); logins < 13 || logins > 18 || renewals != 0 || v.invalidRequests != 0 {
			t.Errorf("%d logins, %d renewals, %d refused requests in 10 h, want 13 to 18, 0 and 0", logins, renewals, v.invalidRequests)
		}
	})
}

func TestRenewer_UsesTheLeaseOfALoginByDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 10 * time.Hour}
		s, _ := v.opened(t, nil)
		time.Sleep(30 * time.Minute)
		v.set(func(v *fakeVault) { clear(v.tokens) })
		if err := s.Do(t.Context(), probe); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, _, before := v.count()
		time.Sleep(35 * time.Minute) // past the first lease's renewal, before the second's
		if _, _, after := v.count(); before != after {
			t.Errorf("%d renewals of the replaced token, want 0", after-before)
		}
		doEvery(t, s, time.Minute, 3*time.Hour)
	})
}

func TestRenewer_ReplacesAnInvalidTokenOfAnIdleSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: 10 * time.Hour}
		v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens) })
		time.Sleep(45 * time.Minute)
		if logins, _, _ := v.count(); logins != 2 {
			t.Errorf("%d logins, want another at the failed renewal", logins)
		}
	})
}

func TestOpen_RefusesLoginsWithoutToken(t *testing.T) {
	for name, response := range map[string]any{
		"second factor": map[string]any{"auth": map[string]any{"mfa_requirement": map[string]any{"mfa_request_id": "fake"}}},
		"no auth":       map[string]any{"data": map[string]any{"fake": true}},
		"empty auth":    map[string]any{"auth": map[string]any{"accessor": "fake"}},
	} {
		_, err := (&fakeVault{loginResponse: response}).open(t, nil, &logbuffer.Buffer{})
		if !errors.Is(err, vaulterr.ErrUnauthenticated) {
			t.Errorf("Open with %s = %v, want ErrUnauthenticated", name, err)
		}
	}
}

func TestRenewer_WarnsTwiceAboutAStaticToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{notRenewable: true, tokens: map[string]*fakeToken{
			"fake-bare": {ends: time.Now().Add(time.Hour)},
		}}
		_, logs := v.opened(t, Token(FromString("fake-bare")))
		time.Sleep(34 * time.Minute)
		if early := linesWith(logs, "WARN"); len(early) != 0 {
			t.Errorf("warnings after 34 min = %q, want none", early)
		}
		time.Sleep(11 * time.Minute)
		if lines := linesWith(logs, "replace it before it ends"); len(lines) != 1 {
			t.Errorf("warnings after 45 min = %q, want one", lines)
		}
		time.Sleep(5 * time.Hour)
		if lines := linesWith(logs, "has ended"); len(lines) != 1 || len(linesWith(logs, "WARN")) != 2 {
			t.Errorf("warnings at the end = %q, want two, one that the token has ended", linesWith(logs, "WARN"))
		}
	})
}

func TestDo_CallersShareALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: time.Hour, loginTakes: 5 * time.Second}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens) })

		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left := make(chan error, 1)
		go func() { left <- s.Do(hasty, probe) }()
		patient := make(chan error, 10)
		for range 10 {
			go func() { patient <- s.Do(t.Context(), probe) }()
		}
		start := time.Now()
		if err := <-left; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("Do with 1 s = %v after %v, want DeadlineExceeded after 1s", err, time.Since(start))
		}
		for range 10 {
			if err := <-patient; err != nil {
				t.Errorf("Do without a deadline = %v, want no error", err)
			}
		}
		if logins, attempts, _ := v.count(); logins != 2 || attempts != 2 {
			t.Errorf("%d logins in %d attempts, want 2", logins, attempts)
		}
	})
}

func TestDo_PausesAfterAFailedLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: 100 * time.Hour, maxTTL: 100 * time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.refuseLogins = true })
		attemptsIn := func(whole time.Duration) int {
			_, before, _ := v.count()
			for start := time.Now(); time.Since(start) < whole; time.Sleep(100 * time.Millisecond) {
				if err := s.Do(t.Context(), probe); !errors.Is(err, vaulterr.ErrUnauthenticated) {
					t.Fatalf("Do = %v, want ErrUnauthenticated", err)
				}
			}
			_, after, _ := v.count()
			return after - before
		}
		if n := attemptsIn(time.Second); n != 1 {
			t.Errorf("%d attempts in the first second, want 1", n)
		}
		attemptsIn(2 * time.Minute)
		if n := attemptsIn(5 * time.Minute); n < 9 || n > 21 {
			t.Errorf("%d attempts in 5 min, want one in 15-30 s", n)
		}
		v.set(func(v *fakeVault) { v.refuseLogins = false })
		time.Sleep(30 * time.Second)
		doEvery(t, s, time.Minute, time.Hour)
		v.set(func(v *fakeVault) { clear(v.tokens); v.refuseLogins = true })
		if n := attemptsIn(4 * time.Second); n < 2 {
			t.Errorf("%d attempts in 4 s, want at least 2: success resets the pause", n)
		}
	})
}

func TestClose_CancelsALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: time.Hour}
		s, _ := v.opened(t, nil)
		v.set(func(v *fakeVault) { clear(v.tokens); v.loginTakes = time.Hour })
		result := make(chan error, 1)
		go func() { result <- s.Do(t.Context(), probe) }()
		time.Sleep(time.Second)
		start := time.Now()
		if err := s.Close(); err != nil || time.Since(start) > time.Second {
			t.Errorf("Close = %v after %v, want no error within 1s", err, time.Since(start))
		}
		if err := <-result; !errors.Is(err, vaulterr.ErrClosed) {
			t.Errorf("Do during Close = %v, want ErrClosed", err)
		}
	})
}

func TestOpen_RetriesDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeVault{ttl: time.Hour, maxTTL: time.Hour, down: true}
		go func() {
			time.Sleep(6 * time.Second)
			v.set(func(v *fakeVault) { v.down = false })
		}()
		s, _ := v.opened(t, nil)
		doEvery(t, s, time.Second, time.Minute)
	})
}

// TestOpen_WaitForVault checks that only WaitForVault makes Open wait longer than
// StartWait, and for a sealed Vault.
func TestOpen_WaitForVault(t *testing.T) {
	for text, limit := range map[string]time.Duration{"no leader": defaultStartWait, "Vault is sealed": 0} {
		for _, patient := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeVault{ttl: time.Hour, maxTTL: time.Hour, down: true, downText: text, waitForVault: patient}
				time.AfterFunc(time.Hour, func() { v.set(func(v *fakeVault) { v.down = false }) })
				began := time.Now()
				s, err := v.open(t, nil, &logbuffer.Buffer{})
				if took := time.Since(began); patient != (err == nil) || patient && took < time.Hour || !patient && took > limit {
					t.Errorf("Open at %q with WaitForVault %t = %v after %v, want success: %t", text, patient, err, took, patient)
				}
				if s != nil {
					_ = s.Close()
				}
				time.Sleep(time.Hour) // the timer's
			})
		}
	}
}

func TestLeaseState_Next(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	hour := leaseState{granted: time.Hour, longest: time.Hour, since: start, renewable: true}
	with := func(change func(*leaseState)) leaseState {
		changed := hour
		change(&changed)
		return changed
	}
	tests := map[string]struct {
		state  leaseState
		now    time.Duration // since start
		pause  time.Duration
		jitter float64
		want   step
		at     time.Duration
	}{
		"root token has no end":       {state: leaseState{since: start}, want: stepWait},
		"renewable, early":            {state: hour, want: stepRenew, at: 36 * time.Minute},
		"renewable, late":             {state: hour, jitter: 1, want: stepRenew, at: 43*time.Minute + 48*time.Second},
		"not renewable":               {state: with(func(t *leaseState) { t.renewable = false }), want: stepLogin, at: 36 * time.Minute},
		"limited uses are left alone": {state: with(func(t *leaseState) { t.usesLimited = true }), want: stepWait},
		"grant rounded down": {
			state: with(func(t *leaseState) { t.longest += time.Second }),
			want:  stepRenew, at: 36 * time.Minute,
		},
		"grant shrunk": {
			state: with(func(t *leaseState) { t.longest += 2 * time.Second }),
			want:  stepLogin, at: 36 * time.Minute,
		},
		"last second": {
			state: leaseState{granted: 1, longest: time.Second, since: start, renewable: true},
			want:  stepLogin, at: 0,
		},
		"renewal failed, time left": {
			state: with(func(t *leaseState) { t.failures = 1 }),
			now:   40 * time.Minute, pause: time.Second,
			want: stepRenew, at: 40*time.Minute + time.Second,
		},
		"renewal failed, time nearly up": {
			state: with(func(t *leaseState) { t.failures = 9 }),
			now:   53*time.Minute + 59*time.Second, pause: 2 * time.Second,
			want: stepLogin, at: 53*time.Minute + 59*time.Second,
		},
		"login failed": {
			state: with(func(t *leaseState) { t.renewable, t.failures = false, 3 }),
			now:   50 * time.Minute, pause: 10 * time.Second,
			want: stepLogin, at: 50*time.Minute + 10*time.Second,
		},
		"login failed just before the end": {
			state: with(func(t *leaseState) { t.renewable, t.failures = false, 3 }),
			now:   59*time.Minute + 55*time.Second, pause: 10 * time.Second,
			want: stepLogin, at: time.Hour,
		},
		"login failed after the end": {
			state: with(func(t *leaseState) { t.renewable, t.failures = false, 3 }),
			now:   2 * time.Hour, pause: 10 * time.Second,
			want: stepLogin, at: 2*time.Hour + 10*time.Second,
		},
		"final token, nothing left but its end": {
			state: with(func(t *leaseState) { t.renewable, t.notRepeatable, t.failures = false, true, 1 }),
			now:   40 * time.Minute, pause: time.Second,
			want: stepLogin, at: time.Hour,
		},
		"final token has ended": {
			state: with(func(t *leaseState) { t.renewable, t.notRepeatable, t.failures = false, true, 2 }),
			now:   time.Hour, pause: time.Second, want: stepWait,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, at := test.state.next(start.Add(test.now), test.jitter, test.pause)
			if got != test.want {
				t.Fatalf("step = %d, want %d", got, test.want)
			}
			if off := at.Sub(start.Add(test.at)); got != stepWait && (off < -time.Second || off > time.Second) {
				t.Errorf("at %v, want %v", at.Sub(start), test.at)
			}
		})
	}
}

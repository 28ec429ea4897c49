package session

import (
	"testing"
	"time"
)

func TestLeaseState_Next(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	hour := leaseState{granted: time.Hour, longest: time.Hour, since: start, renewable: true}
	with := func(change func(*leaseState)) leaseState {
		changed := hour
		change(&changed)
		return changed
	}
	tests := map[string]struct {
		tenure leaseState
		now    time.Duration // since start
		pause  time.Duration
		jitter float64
		want   step
		at     time.Duration
	}{
		"root token has no end":       {tenure: leaseState{since: start}, want: stepRest},
		"renewable, early":            {tenure: hour, want: stepRenew, at: 36 * time.Minute},
		"renewable, late":             {tenure: hour, jitter: 1, want: stepRenew, at: 43*time.Minute + 48*time.Second},
		"not renewable":               {tenure: with(func(t *leaseState) { t.renewable = false }), want: stepLogin, at: 36 * time.Minute},
		"limited uses are left alone": {tenure: with(func(t *leaseState) { t.usesLimited = true }), want: stepRest},
		"grant rounded down": {
			tenure: with(func(t *leaseState) { t.longest += time.Second }),
			want:   stepRenew, at: 36 * time.Minute,
		},
		"grant shrunk": {
			tenure: with(func(t *leaseState) { t.longest += 2 * time.Second }),
			want:   stepLogin, at: 36 * time.Minute,
		},
		"last second": {
			tenure: leaseState{granted: 1, longest: time.Second, since: start, renewable: true},
			want:   stepLogin, at: 0,
		},
		"renewal failed, time left": {
			tenure: with(func(t *leaseState) { t.failures = 1 }),
			now:    40 * time.Minute, pause: time.Second,
			want: stepRenew, at: 40*time.Minute + time.Second,
		},
		"renewal failed, time nearly up": {
			tenure: with(func(t *leaseState) { t.failures = 9 }),
			now:    53*time.Minute + 59*time.Second, pause: 2 * time.Second,
			want: stepLogin, at: 53*time.Minute + 59*time.Second,
		},
		"login failed": {
			tenure: with(func(t *leaseState) { t.renewable, t.failures = false, 3 }),
			now:    50 * time.Minute, pause: 10 * time.Second,
			want: stepLogin, at: 50*time.Minute + 10*time.Second,
		},
		"login failed just before the end": {
			tenure: with(func(t *leaseState) { t.renewable, t.failures = false, 3 }),
			now:    59*time.Minute + 55*time.Second, pause: 10 * time.Second,
			want: stepLogin, at: time.Hour,
		},
		"login failed after the end": {
			tenure: with(func(t *leaseState) { t.renewable, t.failures = false, 3 }),
			now:    2 * time.Hour, pause: 10 * time.Second,
			want: stepLogin, at: 2*time.Hour + 10*time.Second,
		},
		"final token, nothing left but its end": {
			tenure: with(func(t *leaseState) { t.renewable, t.notRepeatable, t.failures = false, true, 1 }),
			now:    40 * time.Minute, pause: time.Second,
			want: stepLogin, at: time.Hour,
		},
		"final token has ended": {
			tenure: with(func(t *leaseState) { t.renewable, t.notRepeatable, t.failures = false, true, 2 }),
			now:    time.Hour, pause: time.Second, want: stepRest,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, at := test.tenure.next(start.Add(test.now), test.jitter, test.pause)
			if got != test.want {
				t.Fatalf("step = %d, want %d", got, test.want)
			}
			if off := at.Sub(start.Add(test.at)); got != stepRest && (off < -time.Second || off > time.Second) {
				t.Errorf("at %v, want %v", at.Sub(start), test.at)
			}
		})
	}
}

package vaultkit

import (
	"testing"
	"time"
)

// An answer is behind what is known if it is older by every measure: after a failover
// to a leader whose clock is behind, a newer version may have an earlier time.
func TestBehind(t *testing.T) {
	at := func(version int, second int) *secret {
		return &secret{version: version, created: time.Date(2030, 1, 1, 0, 0, second, 0, time.UTC)}
	}
	for name, c := range map[string]struct {
		answer, known *secret
		want          bool
	}{
		"a node that lags":               {at(6, 1), at(7, 2), true},
		"the same":                       {at(7, 2), at(7, 2), false},
		"the next":                       {at(8, 3), at(7, 2), false},
		"the next, by a slow clock":      {at(8, 1), at(7, 2), false},
		"deleted and made anew":          {at(1, 9), at(7, 2), false},
		"restored from a snapshot, anew": {at(6, 9), at(7, 2), false},
	} {
		if got := behind(c.answer, c.known); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

package flagtype

import (
	"errors"
	"testing"
	"time"
)

func TestDurationSet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90d": 90 * Day, "2w": 14 * Day, "1w2d": 9 * Day, "1d12h": 36 * time.Hour, "12h": 12 * time.Hour,
		"1h30m": 90 * time.Minute, "36500d": 36500 * Day, "0d1s": time.Second,
	} {
		var p Duration
		if err := p.Set(text); err != nil || time.Duration(p) != want {
			t.Errorf("Set(%q) = %v, value = %s, want no error, %s", text, err, time.Duration(p), want)
		}
	}
	for want, texts := range map[error][]string{
		errDuration: {"", "-1d", "90x", "d", "1y", "3 months", "9999999d", "1d 2h", "1.5d", "2d1w", "sk-1"},
		errNoUnit:   {"0", "30", "90", "999999999999"},
		errTooLong:  {"36501d", "999999w", "2562047h"},
		errNoTime:   {"0d", "0s", "-1h", "1d-24h", "1d-36h"},
	} {
		for _, text := range texts {
			var p Duration
			if err := p.Set(text); !errors.Is(err, want) {
				t.Errorf("Set(%q) = %v, want %v", text, err, want)
			}
		}
	}
	for p, want := range map[Duration]string{0: "", Duration(7 * Day): "7d", Duration(36 * time.Hour): "36h0m0s"} {
		if got := p.String(); got != want {
			t.Errorf("String() of %s = %q, want %q", time.Duration(p), got, want)
		}
	}
}

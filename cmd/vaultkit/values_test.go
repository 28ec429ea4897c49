package main

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPeriod(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "2w": 14 * day, "1w2d": 9 * day, "1d12h": 36 * time.Hour, "12h": 12 * time.Hour,
		"1h30m": 90 * time.Minute, "36500d": 36500 * day, "0d1s": time.Second,
	} {
		var p period
		if err := p.Set(text); err != nil || time.Duration(p) != want {
			t.Errorf("%s is %s, %v; want %s", text, time.Duration(p), err, want)
		}
	}
	for want, texts := range map[error][]string{
		errPeriod:  {"", "-1d", "90x", "d", "1y", "3 months", "9999999d", "1d 2h", "1.5d", "2d1w", "sk-1"},
		errNoUnit:  {"0", "30", "90", "999999999999"},
		errTooLong: {"36501d", "999999w", "2562047h"},
		errNoTime:  {"0d", "0s", "-1h", "1d-24h", "1d-36h"},
	} {
		for _, text := range texts {
			var p period
			if err := p.Set(text); !errors.Is(err, want) {
				t.Errorf("of %q is said %v, not %v", text, err, want)
			}
		}
	}
	for p, want := range map[period]string{0: "", period(7 * day): "7d", period(36 * time.Hour): "36h0m0s"} {
		if got := p.String(); got != want {
			t.Errorf("%s prints as %q, want %q", time.Duration(p), got, want)
		}
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]string{
		-time.Hour: "0m", 59 * time.Second: "0m", 119 * time.Minute: "119m", 2 * time.Hour: "2h", 47 * time.Hour: "47h",
		2 * day: "2d", 91*day + time.Hour: "91d",
	} {
		if got := roughly(age); got != want {
			t.Errorf("roughly(%s) = %q, want %q", age, got, want)
		}
	}
}

func TestDefaultActor(t *testing.T) {
	for _, variable := range []string{"USER", "LOGNAME", "USERNAME"} {
		t.Setenv(variable, "")
	}
	if got := defaultActor(); !strings.Contains(got, "@") || strings.HasPrefix(got, "@") {
		t.Errorf("without any variable: %q", got)
	}
	t.Setenv("USER", "someone")
	if got := defaultActor(); !strings.HasPrefix(got, "someone@") {
		t.Errorf("the user is %q", got)
	}
	t.Setenv("GITLAB_USER_LOGIN", "gitlab-person")
	if got := defaultActor(); got != "gitlab-person" {
		t.Errorf("in a pipeline: %q", got)
	}
	t.Setenv("GITHUB_ACTOR", "a\nb\x1b\xff"+strings.Repeat("ü", 600))
	if got := defaultActor(); !strings.HasPrefix(got, "abü") || len(got) > maxActor || !utf8.ValidString(got) {
		t.Errorf("an odd actor becomes %q", got)
	}
	t.Setenv("GITHUB_ACTOR", "\n")
	if got := defaultActor(); got != "gitlab-person" {
		t.Errorf("an empty one is passed by: %q", got)
	}
}

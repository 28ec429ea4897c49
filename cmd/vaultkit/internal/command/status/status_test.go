package status

import (
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
)

func TestNote(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, s := range map[string]vaultkit.ProviderStatus{
		"": {},
		"no recorded expiry; an earlier version's was " + render.When(now): {LastExpiry: now},
		"destroyed":                      {Destroyed: true, DeletedAt: now},
		"deleted at " + render.When(now): {DeletedAt: now},
		"2 pending: vaultkit recover p":  {Provider: "p", Pending: []string{"a", "b"}},
		"will be deleted at " + render.When(now.Add(flagtype.Day)): {DeletedAt: now.Add(flagtype.Day)},
		"destroyed; 1 pending: vaultkit recover p":                 {Provider: "p", Destroyed: true, Pending: []string{"a"}},
	} {
		if got := note(s, now); got != want {
			t.Errorf("note(%+v) = %q, want %q", s, got, want)
		}
	}
	if got := ageOf(time.Time{}, now); got != "" {
		t.Errorf("ageOf(no time) = %q, want nothing", got)
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]string{
		-time.Hour: "0m", 59 * time.Second: "0m", 119 * time.Minute: "119m", 2 * time.Hour: "2h", 47 * time.Hour: "47h",
		2 * flagtype.Day: "2d", 91*flagtype.Day + time.Hour: "91d",
	} {
		if got := roughly(age); got != want {
			t.Errorf("roughly(%s) = %q, want %q", age, got, want)
		}
	}
}

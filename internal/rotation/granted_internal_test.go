package rotation

import (
	"testing"
	"time"
)

// An answer about capabilities counts for 30 s, whichever way the clock was set meanwhile.
func TestConfirmed_EndsAfterThirtySeconds(t *testing.T) {
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	wanted := grant{provider: "openai"}
	for after, want := range map[time.Duration]bool{
		0: true, grantedFor - 1: true, grantedFor: false, time.Hour: false, -grantedFor + 1: true, -time.Hour: false,
	} {
		e := &Engine{}
		e.granted.Store(wanted, asked)
		tx := &transaction{Engine: e, started: asked.Add(after)}
		if got := tx.confirmed(wanted); got != want {
			t.Errorf("confirmed %v after the answer = %v, want %v", after, got, want)
		}
	}
}

package rotation

import (
	"testing"
	"time"
)

// An answer about capabilities counts for ten seconds, whichever way the clock was set meanwhile,
// and for one token.
func TestConfirmed_EndsAfterTenSecondsAndWithTheToken(t *testing.T) {
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	wanted := grant{provider: "openai"}
	for _, tc := range []struct {
		after time.Duration
		login uint64
		want  bool
	}{
		{0, 1, true}, {10*time.Second - 1, 1, true}, {10 * time.Second, 1, false}, {time.Hour, 1, false},
		{-10*time.Second + 1, 1, true}, {-time.Hour, 1, false}, {0, 2, false},
	} {
		tx := &transaction{Engine: &Engine{}}
		tx.granted.Store(wanted, confirmation{asked, 1})
		if got := tx.confirmed(wanted, confirmation{asked.Add(tc.after), tc.login}); got != tc.want {
			t.Errorf("confirmed %v after the answer, with login %d = %v, want %v", tc.after, tc.login, got, tc.want)
		}
	}
}

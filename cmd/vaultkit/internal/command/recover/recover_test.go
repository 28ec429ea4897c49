package recover

import (
	"testing"

	"goblin/vaultkit"
)

func TestMeaning(t *testing.T) {
	t.Parallel()
	for _, outcome := range []vaultkit.Outcome{
		vaultkit.OutcomeCommitted, vaultkit.OutcomeAborted, vaultkit.OutcomeUnknown, vaultkit.OutcomeUndecided, vaultkit.OutcomeRecreated,
	} {
		if meaning(outcome) == string(outcome) {
			t.Errorf("meaning(%q) = %[1]q, want words", outcome)
		}
	}
	if got := meaning("new"); got != "new" {
		t.Errorf("meaning(%q) = %q, want the outcome itself: a later version may write it", "new", got)
	}
}

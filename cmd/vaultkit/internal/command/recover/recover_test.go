package recover

import (
	"testing"

	"goblin/vaultkit"
)

func TestMeaning(t *testing.T) {
	t.Parallel()
	for _, outcome := range []vaultkit.Outcome{vaultkit.OutcomeCommitted, vaultkit.OutcomeAborted, vaultkit.OutcomeUnknown, vaultkit.OutcomeUndecided, vaultkit.OutcomeRecreated} {
		if meaning(outcome) == string(outcome) {
			t.Errorf("meaning(%q) = %[1]q, want words", outcome)
		}
	}
	if meaning("new") != "new" {
		t.Error("an outcome of a later version must still be shown")
	}
}

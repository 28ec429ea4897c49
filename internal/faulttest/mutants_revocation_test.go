package faulttest_test

import (
	"context"
	"maps"
	"testing"

	"goblin/vaultkit/internal/faulttest"
)

// Mutants that revoke keys must be found. The writers that they meet check the attempts to
// revoke their keys.
func TestSchedules_FindBrokenRevokers(t *testing.T) {
	harness := newHarness(t)
	harness.useCheckingRivals(t)
	for mutation, invariants := range map[mutation][]string{
		noMutation:   nil,
		checksFirst:  {"J1"},
		exactly:      {"J1"},
		deletedGone:  {"J1"},
		pendingBlind: {"J1"},
	} {
		t.Run(string(mutation), func(t *testing.T) {
			harness.wantViolations(t, harness.revokeOperation(harness.newMutant(t, mutation)), invariants)
		})
	}
	for mutation, invariants := range map[mutation][]string{noMutation: nil, readsFirst: {"J1"}} {
		t.Run("undecided, "+string(mutation), func(t *testing.T) {
			harness.wantViolations(t, harness.revokeUndecidedOperation(harness.newMutant(t, mutation)), invariants)
		})
	}
	for mutation, invariants := range map[mutation][]string{noMutation: nil, ownExempt: {"J2"}} {
		t.Run("take-back, "+string(mutation), func(t *testing.T) {
			harness.wantViolations(t, harness.revokeUnusedOperation(t, harness.newMutant(t, mutation)), invariants)
		})
	}
}

// Mutants that restore a deleted version must be found.
func TestSchedules_FindBrokenRestores(t *testing.T) {
	harness := newHarness(t)
	for mutation, invariants := range map[mutation][]string{noMutation: nil, restoresBlindly: {"I2"}} {
		t.Run(string(mutation), func(t *testing.T) {
			harness.wantViolations(t, harness.restoreOperation(harness.newMutant(t, mutation)), invariants)
		})
	}
	for mutation, invariants := range map[mutation][]string{noMutation: nil, restoreWins: {"I3b", "I4b"}} {
		t.Run("beside, "+string(mutation), func(t *testing.T) {
			harness.wantViolations(t, harness.rollbackBesideRestoreOperation(harness.newMutant(t, mutation)), invariants)
		})
	}
}

// useCheckingRivals makes the rivals that bring the old key back mutants without a mutation.
func (c *harness) useCheckingRivals(t *testing.T) {
	t.Helper()
	writer := c.checkingWriter(t)
	writes := func(wants func(*faulttest.Run) faulttest.Change) faulttest.Act {
		return asRival(func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			return writer.change(ctx, run, wants(run))
		})
	}
	back := func(run *faulttest.Run) faulttest.Change { return faulttest.Change{Restore: run.Target} }
	maps.Copy(c.driver.Rivals, map[string]faulttest.Act{
		"rollback": writes(back), "back": writes(wants(backFields)), "spaced": writes(wants(spacedFields)), "job": writes(wants(jobFields)),
		"restored":  inTurn(c.foreignDelete, writes(restored)),
		"hidden":    inTurn(writes(back), c.foreignDelete),
		"dying":     diesAtCommit(back, writer.change),
		"dying-job": diesAtCommit(wants(issuedFields), writer.change),
	})
}

// checkingWriter returns a mutant without a mutation.
func (c *harness) checkingWriter(t *testing.T) *mutant {
	t.Helper()
	writer := c.newMutant(t, noMutation)
	writer.looks = true
	return writer
}

// revokeOperation returns RevokeOld by a mutant. The rerun is by one without a mutation.
func (c *harness) revokeOperation(a *mutant) *faulttest.Operation {
	op := c.revocation()
	right := *a
	right.mutation = noMutation
	op.Name, op.Run, op.Rerun, op.OneEnding = string(a.mutation), a.revokeOld, right.revokeOld, true
	op.Rivals = []string{"rollback", "back", "spaced", "restored", "hidden", "dying", "put-old", "abort"}
	return op
}

func (c *harness) revokeUndecidedOperation(a *mutant) *faulttest.Operation {
	op := c.revokeOperation(a)
	op.Prepare, op.Refused = c.prepareRollingBack, true
	op.Rivals = []string{"arrival", "settled", "abort"}
	return op
}

// revokeUnusedOperation returns the end of a mutant's rotation that failed after its backup. Its rerun is a
// job that gets the same key.
func (c *harness) revokeUnusedOperation(t *testing.T, a *mutant) *faulttest.Operation {
	t.Helper()
	writer := c.checkingWriter(t)
	return &faulttest.Operation{
		Name: string(a.mutation),
		Prepare: func(ctx context.Context, run *faulttest.Run) error {
			if err := c.prepare(ctx, run); err != nil {
				return err
			}
			w := &mutantRotation{mutant: writer, provider: run.Provider, response: faulttest.Response{Wants: faulttest.Change{Merge: issuedFields}, Status: faulttest.Failed}}
			if err := w.read(ctx); err != nil {
				return err
			}
			run.Target = w.id
			run.AddResponse(w.response)
			return w.backUp(ctx)
		},
		Wants: func(*faulttest.Run) faulttest.Change { return faulttest.Change{} },
		Run:   a.revokeUnused,
		Rerun: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			return writer.change(ctx, run, faulttest.Change{Merge: issuedFields})
		},
		Refused:   a.mutation != ownExempt,
		Contested: true,
		OneEnding: true,
		Rivals:    []string{faulttest.Twin, "dying-job", "job", "abort"},
	}
}

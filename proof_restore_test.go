package vaultkit_test

import (
	"context"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/proof"
	"goblin/vaultkit/internal/vaulttest"
)

// endingsWithPrune: after a restore the newest backup is not always the one that a prune
// must keep.
var endingsWithPrune = []string{proof.Rerun, proof.Prune, proof.Recover, proof.Both}

// restore writes the earlier rotation's backup over the version that it made, which is
// deleted. Somebody may undelete that at any moment.
func (c *cast) restore() *proof.Operation {
	return &proof.Operation{
		Name:    "restore",
		Prepare: c.prepareDeleted,
		Wants:   restored,
		Run:     c.restoreAs(c.victim, "victim"),
		Rerun:   c.restoreAs(c.rotator, "rerun"),
		Rivals:  []string{proof.Twin, "undelete", "undeleted", "revoke", "back", "take-back", "put", proof.Prune},
		Endings: endingsWithPrune,
	}
}

// rollbackBesideRestore is a rollback of a version that is readable again, over which a
// restore to the same secret died, with its commit on its way.
func (c *cast) rollbackBesideRestore() *proof.Operation {
	return &proof.Operation{
		Name:    "beside",
		Prepare: c.prepareUndeleted,
		Wants:   func(trial *proof.Trial) proof.Change { return proof.Change{Restore: trial.Target} },
		Run:     c.rollbackAs(c.victim, "victim"),
		Rerun:   c.rollbackAs(c.rotator, "rerun"),
		Rivals:  []string{proof.Twin, "restore", "restored", "arrival", "revoke", "take-back", "back", "abort", proof.Prune},
		Endings: endingsWithPrune,
	}
}

func restored(trial *proof.Trial) proof.Change {
	return proof.Change{Restore: trial.Target, Over: true}
}

func (c *cast) restoreAs(client *vaultkit.Client, who string) func(context.Context, *proof.Trial) proof.Claim {
	run := c.rollbackAs(client, who, vaultkit.RestoreDeleted())
	return func(ctx context.Context, trial *proof.Trial) proof.Claim {
		told := run(ctx, trial)
		told.Wants = restored(trial)
		return told
	}
}

func (c *cast) doomedRollback() *proof.Operation {
	return &proof.Operation{Name: "doomed", Run: c.rollbackAs(c.mortal, "doomed"),
		Wants: func(trial *proof.Trial) proof.Change { return proof.Change{Restore: trial.Target} }}
}

func (c *cast) doomedRestore() *proof.Operation {
	return &proof.Operation{Name: "doomed", Run: c.restoreAs(c.mortal, "doomed"), Wants: restored}
}

// foreignUndelete makes the current version readable again.
func (c *cast) foreignUndelete(ctx context.Context, trial *proof.Trial) error {
	facts, err := c.driver.Observer.Look(ctx, trial.Provider)
	if err != nil {
		return err
	}
	return c.driver.Observer.Undelete(ctx, trial.Provider, []int{facts.Current})
}

// prepareDeleted makes a provider that was rotated once and whose current version is
// deleted.
func (c *cast) prepareDeleted(ctx context.Context, trial *proof.Trial) error {
	return inTurn(c.prepareRotated, lookedAt, c.foreignDelete)(ctx, trial)
}

// prepareUndeleted makes a provider that was restored by somebody who died, and whose
// deleted version is readable again.
func (c *cast) prepareUndeleted(ctx context.Context, trial *proof.Trial) error {
	die := func(ctx context.Context, trial *proof.Trial) error {
		return trial.Kill(ctx, c.doomedRestore(), "PUT", "/data/"+vaulttest.Base+"/providers/", "dies-later")
	}
	return inTurn(c.prepareDeleted, die, c.foreignUndelete)(ctx, trial)
}

// lookedAt has the witness see what is there, before it is deleted.
func lookedAt(ctx context.Context, trial *proof.Trial) error { return trial.Look(ctx) }

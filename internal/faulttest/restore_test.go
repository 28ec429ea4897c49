package faulttest_test

import (
	"context"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/vaulttest"
)

// endingsWithPrune includes a prune: after a restore the newest backup is not always the one
// that a prune must keep.
var endingsWithPrune = []string{faulttest.Rerun, faulttest.Prune, faulttest.Recover, faulttest.Both}

// restore writes the earlier rotation's backup over the version that the rotation made, which
// is deleted. A rival may undelete that version at any moment.
func (c *harness) restore() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "restore",
		Prepare: c.prepareDeleted,
		Wants:   restored,
		Run:     c.restoreAs(c.victim, "victim"),
		Rerun:   c.restoreAs(c.rotator, "rerun"),
		Rivals:  []string{faulttest.Twin, "undelete", "undeleted", "revoke", "back", "take-back", "put", faulttest.Prune},
		Endings: endingsWithPrune,
	}
}

// rollbackBesideRestore rolls back a version that is readable again. A restore of that version
// to the same secret died, and its commit will still arrive.
func (c *harness) rollbackBesideRestore() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "beside",
		Prepare: c.prepareUndeleted,
		Wants:   func(run *faulttest.Run) faulttest.Change { return faulttest.Change{Restore: run.Target} },
		Run:     c.rollbackAs(c.victim, "victim"),
		Rerun:   c.rollbackAs(c.rotator, "rerun"),
		Rivals:  []string{faulttest.Twin, "restore", "restored", "arrival", "revoke", "take-back", "back", "abort", faulttest.Prune},
		Endings: endingsWithPrune,
	}
}

func restored(run *faulttest.Run) faulttest.Change {
	return faulttest.Change{Restore: run.Target, OverDeleted: true}
}

func (c *harness) restoreAs(client *vaultkit.Client, who string) func(context.Context, *faulttest.Run) faulttest.Response {
	rollback := c.rollbackAs(client, who, vaultkit.RestoreDeleted())
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		told := rollback(ctx, run)
		told.Wants = restored(run)
		return told
	}
}

func (c *harness) doomedRollback() *faulttest.Operation {
	return &faulttest.Operation{Name: "doomed", Run: c.rollbackAs(c.mortal, "doomed"),
		Wants: func(run *faulttest.Run) faulttest.Change { return faulttest.Change{Restore: run.Target} }}
}

func (c *harness) doomedRestore() *faulttest.Operation {
	return &faulttest.Operation{Name: "doomed", Run: c.restoreAs(c.mortal, "doomed"), Wants: restored}
}

// foreignUndelete makes the current version readable again.
func (c *harness) foreignUndelete(ctx context.Context, run *faulttest.Run) error {
	facts, err := c.driver.Observer.Read(ctx, run.Provider)
	if err != nil {
		return err
	}
	return c.driver.Observer.Undelete(ctx, run.Provider, []int{facts.Current})
}

// prepareDeleted makes a provider that was rotated once and whose current version is
// deleted.
func (c *harness) prepareDeleted(ctx context.Context, run *faulttest.Run) error {
	return inTurn(c.prepareRotated, checkNow, c.foreignDelete)(ctx, run)
}

// prepareUndeleted makes a provider whose deleted version is readable again, after a restore
// over it died.
func (c *harness) prepareUndeleted(ctx context.Context, run *faulttest.Run) error {
	die := func(ctx context.Context, run *faulttest.Run) error {
		return run.Kill(ctx, c.doomedRestore(), "PUT", "/data/"+vaulttest.Base+"/providers/", "dies-later")
	}
	return inTurn(c.prepareDeleted, die, c.foreignUndelete)(ctx, run)
}

// checkNow checks the run, so that the history knows what Vault contains before it is deleted.
func checkNow(ctx context.Context, run *faulttest.Run) error { return run.CheckNow(ctx) }

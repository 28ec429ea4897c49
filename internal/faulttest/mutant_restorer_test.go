package faulttest_test

import (
	"context"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// restoreBegun reports a restore of the same version to the same secret.
func (w *mutantRotation) restoreBegun(ctx context.Context) bool {
	id, err := protocol.ParseID(w.id)
	vaulttest.Must(err)
	next := canonical(w.next)
	_, err = w.get(ctx, w.path("backups", protocol.RestoreID(id.InForce, id.Source, next).String()))
	return err == nil
}

// restoring makes an operation of a restore by a mutant.
func (c *harness) restoring(a *mutant) *faulttest.Operation {
	op := c.restore()
	op.Name, op.OneEnding = string(a.mutation), true
	op.Run = func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		return a.change(ctx, run, restored(run))
	}
	return op
}

// besideRestore makes an operation of a rollback by a mutant, of a version that a
// restore to the same secret was begun for.
func (c *harness) besideRestore(a *mutant) *faulttest.Operation {
	op := c.rollbackBesideRestore()
	op.Name, op.OneEnding = string(a.mutation), true
	op.Run = func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		return a.change(ctx, run, faulttest.Change{Restore: run.Target})
	}
	return op
}

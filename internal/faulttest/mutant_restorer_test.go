package faulttest_test

import (
	"context"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// restoreExists reports whether a restore of the same version to the same secret has begun.
func (w *mutantRotation) restoreExists(ctx context.Context) bool {
	id, err := protocol.ParseID(w.id)
	vaulttest.Must(err)
	next := canonical(w.next)
	_, err = w.get(ctx, w.path("backups", protocol.RestoreID(id.InForce, id.Source, next).String()))
	return err == nil
}

// restoreOperation returns a restore by a mutant.
func (c *harness) restoreOperation(a *mutant) *faulttest.Operation {
	op := c.restore()
	op.Name, op.OneEnding = string(a.mutation), true
	op.Run = func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		return a.change(ctx, run, restored(run))
	}
	return op
}

// rollbackBesideRestoreOperation returns a mutant's rollback of a version for which a restore to the same
// secret has begun.
func (c *harness) rollbackBesideRestoreOperation(a *mutant) *faulttest.Operation {
	op := c.rollbackBesideRestore()
	op.Name, op.OneEnding = string(a.mutation), true
	op.Run = func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		return a.change(ctx, run, faulttest.Change{Restore: run.Target})
	}
	return op
}

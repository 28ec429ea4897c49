package faulttest_test

import (
	"context"
	"errors"
	"slices"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faulttest"
)

// operations returns the operations that schedules disturb.
func (c *harness) operations() []*faulttest.Operation {
	ops := []*faulttest.Operation{c.rotation(), c.rollback(), c.rollbackOfTheNewest(), c.recovery(), c.abort(), c.prune()}
	return append(ops, c.operationsOnKeys()...)
}

func (c *harness) rotation() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "rotate",
		Prepare: c.prepare,
		Wants:   wants(victimFields),
		Run:     c.rotateAs(c.victim, "victim", victimFields),
		Rerun:   c.rotateAs(c.rotator, "rerun", victimFields),
		Rivals:  rivals,
	}
}

// rollback rolls back an earlier rotation by its id.
func (c *harness) rollback() *faulttest.Operation {
	back := func(run *faulttest.Run) faulttest.Change { return faulttest.Change{Restore: run.Target} }
	return &faulttest.Operation{
		Name:    "rollback",
		Prepare: c.prepareRotated,
		Wants:   back,
		Run: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			r, err := c.victim.Rollback(ctx, run.Provider, run.Target)
			return responseOf("victim", back(run), r, err)
		},
		Rerun: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			r, err := c.rotator.Rollback(ctx, run.Provider, run.Target)
			return responseOf("rerun", back(run), r, err)
		},
		Rivals: append(slices.Clone(rivals), "revoke", "take-back", "back"),
	}
}

// rollbackOfTheNewest rolls back without an id. A second rollback is refused.
func (c *harness) rollbackOfTheNewest() *faulttest.Operation {
	undo := faulttest.Change{AnyBackup: true}
	return &faulttest.Operation{
		Name:    "undo",
		Prepare: c.prepareRotated,
		Wants:   func(*faulttest.Run) faulttest.Change { return undo },
		Run: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			r, err := c.victim.Rollback(ctx, run.Provider, "")
			return responseOf("victim", undo, r, err)
		},
		Rerun: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			r, err := c.rotator.Rollback(ctx, run.Provider, "")
			return responseOf("rerun", undo, r, err)
		},
		Once:   true,
		Rivals: rivals,
	}
}

// recovery finds a rotation that is committed and unrecorded, and one that died before its
// commit. Its rerun runs the latter again.
func (c *harness) recovery() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "recovery",
		Prepare: c.prepareCrashed,
		Wants:   func(*faulttest.Run) faulttest.Change { return faulttest.Change{} },
		Run: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			return recovered(c.recoverer)(ctx, run)
		},
		Rerun:  c.rotateAs(c.rotator, "rerun", undecidedFields),
		Rivals: rivals,
	}
}

// abort closes a rotation that died. Its commit may still arrive at any moment.
func (c *harness) abort() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "abort",
		Prepare: c.prepareCommitting,
		Wants:   func(*faulttest.Run) faulttest.Change { return faulttest.Change{Fence: true} },
		Run:     c.abortAs(c.victim, "victim"),
		Rerun:   c.abortAs(c.rotator, "rerun"),
		Rivals:  append(slices.Clone(rivals), "arrival"),
	}
}

func (c *harness) abortAs(client *vaultkit.Client, who string) func(context.Context, *faulttest.Run) faulttest.Response {
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		return abortOne(ctx, client, who, run.Provider, run.Target)
	}
}

// abortOne aborts one rotation. If the rotation turns out to be committed, nothing is left to
// do.
func abortOne(ctx context.Context, client *vaultkit.Client, who, provider, id string) faulttest.Response {
	r, err := client.Abort(ctx, provider, id)
	told := responseOf(who, faulttest.Change{Fence: true}, nil, err)
	if r != nil {
		told.Found = map[string]string{r.ID: string(r.Outcome)}
	}
	if errors.Is(err, vaultkit.ErrConflict) && r != nil {
		told.Status = faulttest.Succeeded
	}
	return told
}

// prune finds old backups that it may delete, one of a rotation without a record, and one of an
// undecided rotation.
func (c *harness) prune() *faulttest.Operation {
	return &faulttest.Operation{
		Name:    "prune",
		Prepare: c.preparePrunable,
		Wants:   func(*faulttest.Run) faulttest.Change { return faulttest.Change{} },
		Run:     pruneAs(c.janitor, "victim"),
		Rerun:   pruneAs(c.cleaner, "rerun"),
		Rivals:  append(slices.Clone(rivals), "arrival"),
	}
}

func pruneAs(client *vaultkit.Client, who string) func(context.Context, *faulttest.Run) faulttest.Response {
	return func(ctx context.Context, run *faulttest.Run) faulttest.Response {
		pruned, err := client.PruneBackups(ctx, run.Provider, vaultkit.PruneLimits{KeepNewest: 1})
		told := responseOf(who, faulttest.Change{}, nil, err)
		for _, backup := range pruned {
			told.Removed = append(told.Removed, backup.ID)
		}
		return told
	}
}

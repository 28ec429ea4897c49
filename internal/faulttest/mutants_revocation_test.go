package faulttest_test

import (
	"context"
	"maps"
	"testing"

	"goblin/vaultkit/internal/faulttest"
)

// Who hands keys over and has a flaw must be convicted, too; the writers they meet look for
// attempts to revoke what they write.
func TestSchedulesConvictBrokenRevokers(t *testing.T) {
	cast := newCast(t)
	cast.meetWritersThatLook(t)
	for flaw, invariants := range map[flaw][]string{
		flawless:     nil,
		looksFirst:   {"J1"},
		exactly:      {"J1"},
		deletedGone:  {"J1"},
		pendingBlind: {"J1"},
	} {
		t.Run(string(flaw), func(t *testing.T) {
			cast.convict(t, cast.revoking(cast.newApprentice(t, flaw)), invariants)
		})
	}
	for flaw, invariants := range map[flaw][]string{flawless: nil, readsFirst: {"J1"}} {
		t.Run("undecided, "+string(flaw), func(t *testing.T) {
			cast.convict(t, cast.revokingUndecided(cast.newApprentice(t, flaw)), invariants)
		})
	}
	for flaw, invariants := range map[flaw][]string{flawless: nil, ownExempt: {"J2"}} {
		t.Run("take-back, "+string(flaw), func(t *testing.T) {
			cast.convict(t, cast.takingBack(t, cast.newApprentice(t, flaw)), invariants)
		})
	}
}

// The same for restores over a deleted version.
func TestSchedulesConvictBrokenRestores(t *testing.T) {
	cast := newCast(t)
	for flaw, invariants := range map[flaw][]string{flawless: nil, restoresBlindly: {"I2"}} {
		t.Run(string(flaw), func(t *testing.T) {
			cast.convict(t, cast.restoring(cast.newApprentice(t, flaw)), invariants)
		})
	}
	for flaw, invariants := range map[flaw][]string{flawless: nil, restoreWins: {"I3b", "I4b"}} {
		t.Run("beside, "+string(flaw), func(t *testing.T) {
			cast.convict(t, cast.besideRestore(cast.newApprentice(t, flaw)), invariants)
		})
	}
}

// meetWritersThatLook has rivals that bring the old key back by apprentices without a flaw.
func (c *cast) meetWritersThatLook(t *testing.T) {
	t.Helper()
	writer := c.writerThatLooks(t)
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

// writerThatLooks is an apprentice without a flaw.
func (c *cast) writerThatLooks(t *testing.T) *apprentice {
	t.Helper()
	writer := c.newApprentice(t, flawless)
	writer.looks = true
	return writer
}

// revoking makes an operation of RevokeOld by an apprentice. The rerun is by one without a
// flaw.
func (c *cast) revoking(a *apprentice) *faulttest.Operation {
	op := c.revocation()
	right := *a
	right.flaw = flawless
	op.Name, op.Run, op.Rerun, op.OneEnding = string(a.flaw), a.revokeOld, right.revokeOld, true
	op.Rivals = []string{"rollback", "back", "spaced", "restored", "hidden", "dying", "put-old", "abort"}
	return op
}

func (c *cast) revokingUndecided(a *apprentice) *faulttest.Operation {
	op := c.revoking(a)
	op.Prepare, op.Refused = c.prepareRollingBack, true
	op.Rivals = []string{"arrival", "settled", "abort"}
	return op
}

// takingBack makes an operation of the end of a rotation by an apprentice that has failed
// after its backup. Its rerun is a job that gets the same key.
func (c *cast) takingBack(t *testing.T, a *apprentice) *faulttest.Operation {
	t.Helper()
	writer := c.writerThatLooks(t)
	return &faulttest.Operation{
		Name: string(a.flaw),
		Prepare: func(ctx context.Context, run *faulttest.Run) error {
			if err := c.prepare(ctx, run); err != nil {
				return err
			}
			w := &work{apprentice: writer, provider: run.Provider, claim: faulttest.Response{Wants: faulttest.Change{Merge: issuedFields}, Status: faulttest.Failed}}
			if err := w.read(ctx); err != nil {
				return err
			}
			run.Target = w.id
			run.Told(w.claim)
			return w.backUp(ctx)
		},
		Wants: func(*faulttest.Run) faulttest.Change { return faulttest.Change{} },
		Run:   a.takeBack,
		Rerun: func(ctx context.Context, run *faulttest.Run) faulttest.Response {
			return writer.change(ctx, run, faulttest.Change{Merge: issuedFields})
		},
		Refused:   a.flaw != ownExempt,
		Contested: true,
		OneEnding: true,
		Rivals:    []string{faulttest.Twin, "dying-job", "job", "abort"},
	}
}

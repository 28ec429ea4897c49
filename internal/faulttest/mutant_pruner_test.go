package faulttest_test

import (
	"context"
	"testing"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// A prune that takes a restore for a rotation must be found: it deletes the only copy of what a
// rotation replaced.
func TestSchedules_FindABrokenPrune(t *testing.T) {
	harness := newHarness(t)
	harness.driver.Rivals[faulttest.Prune] = harness.pruneWithRestores(t)
	op := harness.rollbackBesideRestore()
	op.OneEnding, op.Rivals = true, nil // faults alone do
	harness.wantViolations(t, op, []string{"J10"})
}

// pruneWithRestores deletes every backup that is older than the newest one of a committed
// change, whether that is a rotation or a restore.
func (c *harness) pruneWithRestores(t *testing.T) faulttest.Act {
	t.Helper()
	kv := c.official(t, mutantPolicy).KVv2(vaulttest.Mount)
	return func(ctx context.Context, run *faulttest.Run) error {
		if err := run.CheckNow(ctx); err != nil {
			return err
		}
		run.AllowPruning()
		facts, err := c.driver.Observer.Read(ctx, run.Provider)
		if err != nil {
			return err
		}
		newest := 0
		for id, record := range facts.Records {
			if facts.Backups[id] != nil && record.Outcome == string(protocol.Committed) {
				newest = max(newest, record.OldVersion)
			}
		}
		for id := range facts.Backups {
			if record, recorded := facts.Records[id]; recorded && record.OldVersion < newest {
				if err := kv.DeleteMetadata(ctx, vaulttest.Base+"/backups/"+run.Provider+"/"+id); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

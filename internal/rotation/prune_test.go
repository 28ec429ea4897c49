package rotation_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// backupIDs returns the ids of the provider's backups in Vault, oldest first.
func backupIDs(t *testing.T, provider string) []string {
	t.Helper()
	backups, err := clienttest.New(t).Backups(t.Context(), provider)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for i := range backups {
		ids = append(ids, backups[len(backups)-1-i].ID)
	}
	return ids
}

func idsOf(backups []vaultkit.Backup) []string {
	ids := []string{}
	for _, backup := range backups {
		ids = append(ids, backup.ID)
	}
	return ids
}

func TestPruneBackupsByCountAndAge(t *testing.T) {
	client := clienttest.New(t)
	for _, tc := range []struct {
		limits vaultkit.PruneLimits
		gone   int // of 4, the oldest
	}{
		{vaultkit.PruneLimits{KeepNewest: 3}, 1},
		{vaultkit.PruneLimits{KeepNewest: 1}, 3},
		{vaultkit.PruneLimits{KeepNewest: 4}, 0},
		{vaultkit.PruneLimits{KeepNewest: 9}, 0},
		{vaultkit.PruneLimits{OlderThan: time.Nanosecond}, 3}, // never the newest committed one
		{vaultkit.PruneLimits{OlderThan: time.Hour}, 0},
		{vaultkit.PruneLimits{KeepNewest: 2, OlderThan: time.Nanosecond}, 2},
		{vaultkit.PruneLimits{KeepNewest: 1, OlderThan: time.Hour}, 0},
	} {
		t.Run(fmt.Sprintf("%+v", tc.limits), func(t *testing.T) {
			p, ids := clienttest.PutRotatedProvider(t, 4)
			records := vaulttest.Look(t, "rotations/"+p)
			dry := tc.limits
			dry.DryRun = true
			vaulttest.AssertUnchanged(t, p, func() {
				if would, err := client.PruneBackups(t.Context(), p, dry); err != nil || !reflect.DeepEqual(idsOf(would), ids[:tc.gone]) {
					t.Errorf("PruneBackups with DryRun = %v, %v, want what a run deletes", idsOf(would), err)
				}
			})
			pruned, err := client.PruneBackups(t.Context(), p, tc.limits)
			if err != nil || !reflect.DeepEqual(idsOf(pruned), ids[:tc.gone]) || !reflect.DeepEqual(backupIDs(t, p), ids[tc.gone:]) {
				t.Errorf("PruneBackups = %v, %v; left %v, want the oldest deleted", idsOf(pruned), err, backupIDs(t, p))
			}
			for _, one := range pruned {
				if one.Provider != p || one.Outcome != vaultkit.OutcomeCommitted || one.ReplacedAt.IsZero() {
					t.Errorf("PruneBackups returned %+v, want a committed backup of the provider", one)
				}
			}
			if !reflect.DeepEqual(records, vaulttest.Look(t, "rotations/"+p)) {
				t.Error("PruneBackups changed the records, want no change")
			}
		})
	}
}

// A backup's age counts from when it was replaced, not from when that was recorded.
func TestPrune_CountsTheAgeFromTheReplacement(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 3)
	for i, id := range ids {
		record := vaulttest.Look(t, "rotations/"+p)["rotations/"+p+"/"+id].Versions[1]
		record["committed_at"] = time.Now().Add(time.Duration(i-100) * 24 * time.Hour).UTC().Format(time.RFC3339)
		vaulttest.Put(t, "rotations/"+p+"/"+id, record)
	}
	pruned, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{OlderThan: 99*24*time.Hour + time.Hour})
	if err != nil || !reflect.DeepEqual(idsOf(pruned), ids[:1]) {
		t.Errorf("PruneBackups = %v, %v, want the first of %v", idsOf(pruned), err, ids)
	}
}

// A backup without a record, and all younger ones, may be evidence.
func TestPruneKeepsTheEvidence(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 3)
	undecided := clienttest.CrashBeforeCommit(t, p, "fake-crashed")
	// The rotation becomes unknown: later versions exist, and the version that would show its
	// outcome is deleted.
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteVersions(t.Context(), vaulttest.Base+"/providers/"+p, []int{5}); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign-2"})
	later := []string{clienttest.Rotate(t, client, p, "fake-a").ID, clienttest.Rotate(t, client, p, "fake-b").ID}
	if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	if want := append([]string{undecided}, later...); !reflect.DeepEqual(backupIDs(t, p), want) {
		t.Errorf("after PruneBackups the backups are %v, want %v (before: %v)", backupIDs(t, p), want, ids)
	}
	if _, err := client.Abort(t.Context(), p, undecided); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	if want := later[1:]; !reflect.DeepEqual(backupIDs(t, p), want) {
		t.Errorf("after the last PruneBackups the backups are %v, want %v", backupIDs(t, p), want)
	}
}

// The newest committed backup stays even when aborted ones are newer.
func TestPrune_KeepsTheNewestCommittedBackup(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 2)
	aborted := clienttest.CrashBeforeCommit(t, p, "fake-crashed")
	if _, err := client.Abort(t.Context(), p, aborted); err != nil {
		t.Fatal(err)
	}
	pruned, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{OlderThan: time.Nanosecond})
	if want := []string{ids[0], aborted}; err != nil || !reflect.DeepEqual(idsOf(pruned), want) || !reflect.DeepEqual(backupIDs(t, p), ids[1:]) {
		t.Errorf("PruneBackups = %v, %v; left %v, want the newest committed one left", idsOf(pruned), err, backupIDs(t, p))
	}
}

// Prune recovers first, so that an unrecorded backup of a crash can be deleted.
func TestPruneRecoversFirst(t *testing.T) {
	w := newScenario(t)
	w.killBeforeRecord() // committed, not recorded
	rotated := vaulttest.Put(t, "providers/"+w.Provider, map[string]any{"api_key": "fake-foreign"})
	pruned, err := w.Direct.PruneBackups(t.Context(), w.Provider, vaultkit.PruneLimits{OlderThan: time.Nanosecond})
	if err != nil || len(pruned) != 0 || rotated != 3 {
		t.Fatalf("PruneBackups = %v, %v, want nothing deleted", pruned, err)
	}
	if history, err := w.Direct.History(t.Context(), w.Provider); err != nil || len(history) != 1 || history[0].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("History = %+v, %v, want one committed record", history, err)
	}
}

// A janitor prunes recorded backups and keeps those that need a recovery.
func TestPruneUnderTheJanitorsPolicy(t *testing.T) {
	janitor := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "janitor"))
	p, ids := clienttest.PutRotatedProvider(t, 3)
	pruned, err := janitor.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 2})
	if err != nil || !reflect.DeepEqual(idsOf(pruned), ids[:1]) {
		t.Fatalf("PruneBackups = %v, %v, want the oldest one", idsOf(pruned), err)
	}
	undecided := clienttest.CrashBeforeCommit(t, p, "fake-crashed")
	pruned, err = janitor.PruneBackups(t.Context(), p, vaultkit.PruneLimits{OlderThan: time.Nanosecond})
	if want := []string{ids[2], undecided}; err != nil || !reflect.DeepEqual(backupIDs(t, p), want) {
		t.Errorf("PruneBackups = %v, %v; left %v, want %v", idsOf(pruned), err, backupIDs(t, p), want)
	}
}

func TestPruneRefuses(t *testing.T) {
	client := clienttest.New(t)
	p, _ := clienttest.PutRotatedProvider(t, 2)
	for _, limits := range []vaultkit.PruneLimits{{}, {KeepNewest: -1}, {OlderThan: -1, KeepNewest: 1}, {DryRun: true}} {
		vaulttest.AssertUnchanged(t, p, func() {
			if pruned, err := client.PruneBackups(t.Context(), p, limits); !errors.Is(err, vaultkit.ErrInvalid) || len(pruned) != 0 {
				t.Errorf("PruneBackups(%+v) = %v, %v, want ErrInvalid", limits, pruned, err)
			}
		})
	}
	vaulttest.AssertUnchanged(t, p, func() {
		rotator := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "rotator"))
		if _, err := rotator.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); !errors.Is(err, vaultkit.ErrPermissionDenied) {
			t.Errorf("PruneBackups by a rotator = %v, want ErrPermissionDenied", err)
		}
	})
}

package faulttest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
)

// Each state is made by hand in a real Vault. It violates exactly the named invariants.
func TestChecker(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(h *hand)
		want string
	}{
		"nothing but a foreign value": {func(*hand) {}, ""},
		"two whole rotations":         {func(h *hand) { h.succeed(mine); h.succeed(others) }, ""},
		"a rotation on a foreign put": {func(h *hand) { h.foreignPut(foreign); h.succeed(mine) }, ""},
		"a crash before the commit":   {func(h *hand) { h.begin(mine); h.respond(mine, faulttest.Died, nil) }, ""},
		"a foreign deletion": {func(h *hand) {
			h.succeed(mine)
			h.check()
			h.AddDeletion(2)
			h.must(h.kv.Delete(h.Context(), h.path("providers")))
		}, ""},

		"a value of nobody's": {func(h *hand) { h.put(foreign) }, "I1"},
		"a lost update": {func(h *hand) {
			id := h.begin(mine)
			h.foreignPut(foreign)
			h.put(merged(initial, mine))
			h.respond(mine, faulttest.Died, nil)
			h.record(id, protocol.Aborted, 1, 0)
		}, "I1"},
		"the same commit twice": {func(h *hand) {
			_, version := h.succeed(mine)
			_, data := h.current()
			if h.put(data) != version+1 {
				h.Fatal("the second write of the same data makes no version, want one")
			}
		}, "I1"},

		"no backup":             {func(h *hand) { id, _ := h.succeed(mine); h.deleteBackup(id) }, "I2"},
		"another value in it":   {func(h *hand) { id, _ := h.succeed(mine); h.backup(id, foreign) }, "I2"},
		"only another's backup": {func(h *hand) { h.begin(others); id, _ := h.succeed(mine); h.deleteBackup(id) }, "I2 I7"},

		"committed, and it is not": {func(h *hand) { h.record(h.begin(mine), protocol.Committed, 1, 2) }, "I3a"},
		"committed as another's": {func(h *hand) {
			id := h.begin(others)
			h.succeed(mine)
			h.record(id, protocol.Committed, 1, 2)
		}, "I3a I3c I3d"},
		"committed as another version": {func(h *hand) {
			id, _ := h.commit(mine)
			h.respond(mine, faulttest.Died, nil)
			h.record(id, protocol.Committed, 1, 3)
		}, "I3a I3c"},
		"aborted, and it is committed": {func(h *hand) {
			id, _ := h.commit(mine)
			h.respond(mine, faulttest.Died, nil)
			h.record(id, protocol.Aborted, 1, 0)
		}, "I3b I3c"},
		"no record after a recovery": {func(h *hand) { h.commit(mine); h.respond(mine, faulttest.Died, nil) }, "I3c I7"},
		"undecided behind current":   {func(h *hand) { h.begin(mine); h.respond(mine, faulttest.Died, nil); h.foreignPut(foreign) }, "I7"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			tc.make(h)
			found, err := h.CheckAtRest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantViolated(t, found, tc.want)
		})
	}
}

// What an actor was told must match what Vault stores.
func TestChecker_OfResponses(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(h *hand)
		want string
	}{
		"success without a version": {func(h *hand) {
			id := h.begin(mine)
			h.respond(mine, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion = id, 2 })
		}, "I4a"},
		"success without a record": {func(h *hand) {
			id, version := h.commit(mine)
			h.respond(mine, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion = id, version })
		}, "I4a"},
		"success of another's value": {func(h *hand) {
			id, version := h.succeed(mine)
			h.respond(others, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion = id, version })
		}, "I4a"},
		"committed but unrecorded, and it is": {func(h *hand) {
			id, version := h.commit(mine)
			h.respond(mine, faulttest.Undetermined, func(c *faulttest.Response) { c.ID, c.NewVersion = id, version })
		}, ""},
		"committed but unrecorded, and it is not": {func(h *hand) {
			id := h.begin(mine)
			h.respond(mine, faulttest.Undetermined, func(c *faulttest.Response) { c.ID, c.NewVersion = id, 2 })
		}, "I4a"},
		"failure, and applied": {func(h *hand) { h.commit(mine); h.respond(mine, faulttest.Failed, nil) }, "I4b"},
		"failure, and applied by a twin": {func(h *hand) {
			h.succeed(mine)
			h.respond(mine, faulttest.Failed, nil)
		}, ""},
		"failure, and a twin found it done": {func(h *hand) {
			id, version := h.rotate(mine)
			h.respond(mine, faulttest.Failed, nil)
			h.respond(mine, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion, c.Resumed, c.Alone = id, version, true, true })
		}, "I4b"},
		"conflict of a rotation that is committed": {func(h *hand) {
			id, _ := h.succeed(mine)
			h.respond(mine, faulttest.Failed, func(c *faulttest.Response) { c.ID, c.Conflict = id, true })
		}, "I4b"},
		"nothing to change, which a rotation made": {func(h *hand) {
			_, version := h.succeed(mine)
			h.respond(mine, faulttest.Failed, func(c *faulttest.Response) { c.NoChange = version })
		}, "I4b"},
		"nothing to change, which a foreigner made": {func(h *hand) {
			h.foreignPut(merged(initial, mine))
			h.respond(mine, faulttest.Failed, func(c *faulttest.Response) { c.NoChange = 2 })
		}, ""},
		"recovered as committed, without a record": {func(h *hand) {
			id, _ := h.commit(mine)
			h.respond(mine, faulttest.Died, nil)
			h.AddResponse(faulttest.Response{Status: faulttest.Succeeded, Found: map[string]string{id: "committed"}})
		}, "I4a"},
		"a fence that failed, and is there": {func(h *hand) {
			h.put(initial)
			h.AddResponse(faulttest.Response{Status: faulttest.Failed, Wants: faulttest.Change{Fence: true}})
		}, "I4b"},
		"pruned, and it is there": {func(h *hand) {
			id, _ := h.succeed(mine)
			h.AddResponse(faulttest.Response{Status: faulttest.Succeeded, Removed: []string{id}})
		}, "I4a"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			tc.make(h)
			wantViolated(t, h.check(), tc.want)
		})
	}
}

// A change whose secret is in force is told which rotation put it there, and no other rotation.
func TestChecker_OfResumedChanges(t *testing.T) {
	issued := map[string]any{"api_key": "fake-issued", "mine": "yes"}
	resumed := func(id string, version int) func(*faulttest.Response) {
		return func(c *faulttest.Response) { c.ID, c.NewVersion, c.Resumed = id, version, true }
	}
	for name, tc := range map[string]struct {
		make func(h *hand)
		want string
	}{
		"of the rotation that carried its fields along": {func(h *hand) {
			h.succeed(issued)
			id, version := h.succeed(map[string]any{"others": "yes"})
			h.respond(issued, faulttest.Succeeded, resumed(id, version))
		}, ""},
		"the same, and not resumed": {func(h *hand) {
			h.succeed(issued)
			id, version := h.succeed(map[string]any{"others": "yes"})
			h.respond(issued, faulttest.Succeeded, func(c *faulttest.Response) { c.ID, c.NewVersion = id, version })
		}, "I4a"},
		"of a rotation that changed one of its fields": {func(h *hand) {
			h.succeed(issued)
			id, version := h.succeed(map[string]any{"mine": "no"})
			h.respond(issued, faulttest.Succeeded, resumed(id, version))
		}, "I4a"},
		"of a rotation to another secret, by a rollback": {func(h *hand) {
			earlier, _ := h.succeed(issued)
			id, version := h.succeed(others)
			h.AddResponse(faulttest.Response{Wants: faulttest.Change{Restore: earlier}, Status: faulttest.Succeeded, ID: id, NewVersion: version, Resumed: true})
		}, "I4a"},
		"of a restore, by a rollback to its secret": {func(h *hand) {
			restore := h.restoredTwice()
			h.AddResponse(faulttest.Response{Wants: faulttest.Change{Restore: h.earlier}, Status: faulttest.Succeeded, ID: restore, NewVersion: 4, Resumed: true})
		}, ""},
		"of a restore, by a rollback that is not resumed": {func(h *hand) {
			restore := h.restoredTwice()
			h.AddResponse(faulttest.Response{Wants: faulttest.Change{Restore: h.earlier}, Status: faulttest.Succeeded, ID: restore, NewVersion: 4})
		}, "I4a"},
		"of a restore, by a rollback to another secret": {func(h *hand) {
			restore := h.restoredTwice()
			h.AddResponse(faulttest.Response{Wants: faulttest.Change{Restore: h.later}, Status: faulttest.Succeeded, ID: restore, NewVersion: 4, Resumed: true})
		}, "I4a"},
		"of a restore, by a rotation that leaves its secret as it is": {func(h *hand) {
			restore := h.restoredTwice()
			h.respond(map[string]any{"keep": "kept"}, faulttest.Succeeded, resumed(restore, 4))
		}, "I4a"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			tc.make(h)
			wantViolated(t, h.check(), tc.want)
		})
	}
}

// No entry disappears, except for backups that a prune may delete.
func TestChecker_OfMissingEntries(t *testing.T) {
	for name, tc := range map[string]struct {
		prunes bool
		spoil  func(h *hand, first, second, undecided string)
		want   string
	}{
		"a backup":                   {false, func(h *hand, first, _, _ string) { h.deleteBackup(first) }, "I2 I5"},
		"a recorded backup, pruned":  {true, func(h *hand, first, _, _ string) { h.deleteBackup(first) }, ""},
		"the newest, pruned":         {true, func(h *hand, _, second, _ string) { h.deleteBackup(second) }, "J10"},
		"an unrecorded one, pruned":  {true, func(h *hand, _, _, undecided string) { h.deleteBackup(undecided) }, "I5"},
		"a backup's value, pruned":   {true, func(h *hand, first, _, _ string) { h.backup(first, foreign) }, "I2 I5"},
		"a record's word":            {false, func(h *hand, first, _, _ string) { h.record(first, protocol.Aborted, 1, 0) }, "I3b I4a I5"},
		"a version, by nobody":       {false, func(h *hand, _, _, _ string) { h.must(h.kv.DeleteVersions(h.Context(), h.path("providers"), []int{1})) }, "I5"},
		"a version, for good":        {false, func(h *hand, _, _, _ string) { h.must(h.kv.Destroy(h.Context(), h.path("providers"), []int{1})) }, "I5"},
		"nothing but a late rewrite": {true, func(h *hand, first, _, _ string) { h.deleteBackup(first); h.check(); h.backup(first, initial) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			first, _ := h.succeed(mine)
			second, _ := h.succeed(others)
			undecided := h.begin(map[string]any{"api_key": "fake-undecided"})
			h.respond(map[string]any{"api_key": "fake-undecided"}, faulttest.Died, nil)
			if tc.prunes {
				h.AllowPruning()
			}
			wantViolated(t, h.check(), "")
			tc.spoil(h, first, second, undecided)
			wantViolated(t, h.check(), tc.want)
		})
	}
}

// A prune must not delete a backup that is younger than an unrecorded one.
func TestChecker_OfPrunedEvidence(t *testing.T) {
	h := newHand(t)
	h.commit(mine) // no record
	h.respond(mine, faulttest.Died, nil)
	id, _ := h.succeed(others)
	h.succeed(map[string]any{"api_key": "fake-third"})
	h.AllowPruning()
	wantViolated(t, h.check(), "")
	h.deleteBackup(id)
	wantViolated(t, h.check(), "I5")
}

// wantViolated compares the violated invariants with the named ones.
func wantViolated(t *testing.T, found []faulttest.Violation, want string) {
	t.Helper()
	names := make(map[string]bool)
	for _, violation := range found {
		names[violation.Invariant] = true
	}
	if got := strings.Join(slices.Sorted(maps.Keys(names)), " "); got != want {
		t.Errorf("violated invariants %q, want %q: %v", got, want, found)
	}
}

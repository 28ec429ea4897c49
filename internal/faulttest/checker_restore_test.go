package faulttest_test

import (
	"testing"

	"goblin/vaultkit/internal/faulttest"
	"goblin/vaultkit/internal/protocol"
)

// A restore over a deleted version has its own kind of id and record. A rotation of that
// version to the same secret is another one.
func TestChecker_OfRestores(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(h *hand)
		want string
	}{
		"a restore": {func(h *hand) { h.recordRestore(h.restore(true)) }, ""},
		"a restore and a rotation": {func(h *hand) {
			rotation := h.beginBack()
			h.recordRestore(h.restore(true))
			h.record(rotation, protocol.Committed, 2, 3)
		}, ""},
		"a rotation alone is recorded": {func(h *hand) {
			rotation := h.beginBack()
			h.restore(true)
			h.record(rotation, protocol.Committed, 2, 3)
		}, "I7"},
		"a restore alone is recorded": {func(h *hand) { h.beginBack(); h.recordRestore(h.restore(true)) }, "I3c I7"},
		"the rotation is recorded as aborted": {func(h *hand) {
			rotation := h.beginBack()
			h.recordRestore(h.restore(true))
			h.record(rotation, protocol.Aborted, 2, 0)
		}, "I3b I3c"},
		"the restore is recorded as aborted": {func(h *hand) { h.record(h.restore(true), protocol.Aborted, 2, 0) }, "I3b I3c"},
		"nothing is recorded":                {func(h *hand) { h.restore(true) }, "I3c I7"},
		"the record names a backup":          {func(h *hand) { h.record(h.restore(true), protocol.Committed, 2, 3) }, "I3d"},
		"a rotation's record names none":     {func(h *hand) { h.recordRestore(h.rotateBack()) }, "I3c I3d"},
		"over a version that was never deleted": {func(h *hand) {
			h.recordRestore(h.restore(false))
		}, "I2"},
		"the only copy of what was replaced last is pruned": {func(h *hand) {
			rotation := h.beginBack()
			h.recordRestore(h.restore(true))
			h.record(rotation, protocol.Committed, 2, 3)
			h.AllowPruning()
			h.check()
			h.deleteBackup(rotation)
		}, "J10"},
		"the same, recorded as aborted": {func(h *hand) {
			rotation := h.beginBack()
			h.recordRestore(h.restore(true))
			h.record(rotation, protocol.Aborted, 2, 0)
			h.AllowPruning()
			h.check()
			h.deleteBackup(rotation)
		}, "I3b I3c J10"},
		"what the last rotation before a restore replaced is pruned": {func(h *hand) {
			h.recordRestore(h.restore(true))
			h.AllowPruning()
			h.check()
			h.deleteBackup(h.earlier)
		}, "J10"},
		"an older copy, after a rotation to a version that is unreadable": {func(h *hand) {
			h.restoreOverUnseen()
			h.deleteBackup(h.earlier)
		}, ""},
		"the last copy, after a rotation to a version that is unreadable": {func(h *hand) {
			h.restoreOverUnseen()
			h.deleteBackup(h.later)
		}, "J10"},
		"a restore's own copy is pruned": {func(h *hand) {
			restore := h.restore(true)
			h.recordRestore(restore)
			h.AllowPruning()
			h.check()
			h.deleteBackup(restore)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t)
			h.earlier, _ = h.succeed(mine)
			h.check()
			tc.make(h)
			found, err := h.CheckAtRest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantViolated(t, found, tc.want)
		})
	}
}

// beginBack writes the backup of the current version for a rotation to the first secret.
func (h *hand) beginBack() (id string) {
	h.Helper()
	secret, err := h.kv.Get(h.Context(), h.path("providers"))
	h.must(err)
	id = protocol.NewID(secret.VersionMetadata.CreatedTime, secret.VersionMetadata.Version, h.canonical(secret.Data), h.canonical(initial)).String()
	h.backup(id, secret.Data)
	h.AddResponse(faulttest.Response{Actor: "somebody", Wants: faulttest.Change{Restore: h.earlier}, Status: faulttest.Died})
	return id
}

// rotateBack is a rotation to the first secret without a record.
func (h *hand) rotateBack() (id string) {
	h.Helper()
	id = h.beginBack()
	h.put(initial)
	return id
}

// restore writes the first secret over the current version as a restore does, whether it is
// deleted or not. It makes no record.
func (h *hand) restore(deleted bool) (id string) {
	h.Helper()
	secret, err := h.kv.Get(h.Context(), h.path("providers"))
	h.must(err)
	if deleted {
		h.delete()
	}
	id = protocol.RestoreID(secret.VersionMetadata.CreatedTime, secret.VersionMetadata.Version, h.canonical(initial)).String()
	h.backup(id, initial)
	h.put(initial)
	h.AddResponse(faulttest.Response{Actor: "somebody", Wants: faulttest.Change{Restore: h.earlier, OverDeleted: true}, Status: faulttest.Died})
	return id
}

// restoreOverUnseen rotates, deletes the new version before the history reads it, and restores.
// Then a prune runs.
func (h *hand) restoreOverUnseen() {
	h.Helper()
	h.later = h.rotateBack()
	h.record(h.later, protocol.Committed, 2, 3)
	h.recordRestore(h.restore(true))
	h.AllowPruning()
	h.check()
}

// restoredTwice restores the first secret as version 3, and again over that version as version
// 4.
func (h *hand) restoredTwice() (restore string) {
	h.Helper()
	h.earlier, _ = h.succeed(mine)
	h.later = h.rotateBack()
	h.record(h.later, protocol.Committed, 2, 3)
	h.check()
	restore = h.restore(true)
	h.recordRestore(restore)
	return restore
}

// recordRestore records that an id is committed, without a backup.
func (h *hand) recordRestore(text string) {
	h.Helper()
	id, err := protocol.ParseID(text)
	h.must(err)
	h.putRecord(protocol.Record{ID: text, Provider: h.Provider, Outcome: protocol.Committed, OldVersion: id.Source, NewVersion: id.Source + 1})
}

func (h *hand) canonical(data map[string]any) []byte {
	h.Helper()
	text, err := protocol.Canonical(data)
	h.must(err)
	return text
}

package faulttest

import (
	"fmt"
	"maps"
)

// Status is what an actor was told.
type Status string

// The statuses.
const (
	Succeeded    Status = "succeeded"
	Failed       Status = "failed for certain" // any error but an open one: nothing was applied
	Undetermined Status = "undetermined"
	Died         Status = "died" // it was told nothing
	Running      Status = "at work"
)

// Response is what one actor asked for and was told.
type Response struct {
	Actor  string
	Wants  Change
	Status Status
	Err    string // for people

	// Of the record that came back. With Open it says: committed, but not
	// recorded.
	ID         string
	NewVersion int
	// Resumed: it found the change made already.
	Resumed bool
	// Alone: no other actor ran while it did, so that Resumed means somebody else
	// had made the change before.
	Alone bool

	// Conflict: it failed because another write came first; ID is its rotation's.
	Conflict bool
	// NoChange: it failed because version NoChange is as asked for already.
	NoChange int

	// Found is what a recovery said, outcome by id.
	Found map[string]string
	// Removed are the backups that a prune says it deleted.
	Removed []string
	// Revoked is the rotation whose old keys are revoked, if it succeeded.
	Revoked string
}

func (c Response) String() string {
	text := fmt.Sprintf("%s wants %s: %s", c.Actor, c.Wants, c.Status)
	if c.ID != "" {
		text += fmt.Sprintf(", id %s, version %d, resumed %v", c.ID, c.NewVersion, c.Resumed)
	}
	if len(c.Found) > 0 {
		text += fmt.Sprintf(", found %v", c.Found)
	}
	if c.Revoked != "" {
		text += ", revokes " + c.Revoked
	}
	if len(c.Removed) > 0 {
		text += fmt.Sprintf(", removed %v", c.Removed)
	}
	if c.Err != "" {
		text += ", " + c.Err
	}
	return text
}

// Change is what a verb makes of the version it replaces. The zero value changes
// nothing, as a recovery.
type Change struct {
	Merge       map[string]any // lay these fields over it
	Restore     string         // put this backup's data in its place
	OverDeleted bool           // even if what it replaces is deleted, and so cannot be read
	AnyBackup   bool           // put some backup's data in its place
	Fence       bool           // write the same data once more

	AllowRevoked bool // whether or not it brings a revoked key back
}

func (c Change) String() string {
	switch {
	case c.Merge != nil:
		return fmt.Sprintf("key %v", c.Merge["api_key"])
	case c.OverDeleted:
		return "backup " + c.Restore + ", over a deleted version"
	case c.Restore != "":
		return "backup " + c.Restore
	case c.AnyBackup:
		return "the backup before"
	case c.Fence:
		return "a fence"
	}
	return "nothing changed"
}

// rotates reports a change of data, which needs a backup and a record.
func (c Change) changesData() bool { return c.Merge != nil || c.Restore != "" || c.AnyBackup }

// writes reports a change that makes a version of the provider.
func (c Change) makesVersion() bool { return c.changesData() || c.Fence }

// explains reports whether the change made version k of its predecessor. A
// rotation that changes nothing is none.
func (c Change) explains(f *Facts, k int) bool {
	old, next := f.Versions[k-1].Data, f.Versions[k].Data
	switch {
	case c.Fence && same(old, next):
		return true
	case c.OverDeleted && next != nil && same(f.Backups[c.Restore], next):
		return true // a restore may repeat what it could not read
	}
	if same(old, next) || old == nil || next == nil {
		return false
	}
	switch {
	case c.Merge != nil:
		return same(mergeFields(old, c.Merge), next)
	case c.Restore != "":
		return same(f.Backups[c.Restore], next)
	case c.AnyBackup:
		for _, data := range f.Backups {
			if same(data, next) {
				return true
			}
		}
	}
	return false
}

// laidOver is a secret with some of its fields changed.
func mergeFields(secret, fields map[string]any) map[string]any {
	merged := maps.Clone(secret)
	maps.Copy(merged, fields)
	return merged
}

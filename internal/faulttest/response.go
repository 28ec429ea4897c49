package faulttest

import (
	"fmt"
	"maps"
)

// Status is the kind of result that an actor got.
type Status string

// The statuses.
const (
	Succeeded    Status = "succeeded"
	Failed       Status = "failed for certain" // any other error: nothing was applied
	Undetermined Status = "undetermined"
	Died         Status = "died" // it got no response
	Running      Status = "at work"
)

// Response is what one actor asked for and what it was told.
type Response struct {
	Actor  string
	Wants  Change
	Status Status
	Err    string // for people

	// ID and NewVersion are from the returned record. With Undetermined they mean: committed and
	// not recorded.
	ID         string
	NewVersion int
	// Resumed means that the change had been made before.
	Resumed bool
	// Alone means that no other actor ran at the same time: with Resumed, another actor had made
	// the change.
	Alone bool

	// Conflict means that another write came first. ID is the rotation that failed.
	Conflict bool
	// NoChange, if not 0, is the version that already has the requested value.
	NoChange int

	// Found are the outcomes that a recovery reported, by id.
	Found map[string]string
	// Removed are the backups that a prune reported as deleted.
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

// Change is how an operation changes the version that it replaces. The zero value changes
// nothing, like a recovery.
type Change struct {
	Merge       map[string]any // change these fields
	Restore     string         // write this backup's data
	OverDeleted bool           // with Restore: the version that it replaces may be deleted
	AnyBackup   bool           // write the data of any backup
	Fence       bool           // write the same data again

	AllowRevoked bool // a revoked key may come back in force
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

// changesData reports whether the change needs a backup and a record.
func (c Change) changesData() bool { return c.Merge != nil || c.Restore != "" || c.AnyBackup }

// makesVersion reports whether the change writes a version of the provider.
func (c Change) makesVersion() bool { return c.changesData() || c.Fence }

// explains reports whether the change made version k from the version before. A rotation that
// changes nothing explains no version.
func (c Change) explains(f *Facts, k int) bool {
	old, next := f.Versions[k-1].Data, f.Versions[k].Data
	switch {
	case c.Fence && same(old, next):
		return true
	case c.OverDeleted && next != nil && same(f.Backups[c.Restore], next):
		return true // a restore may write the data that it could not read
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

// mergeFields returns a secret with some fields changed.
func mergeFields(secret, fields map[string]any) map[string]any {
	merged := maps.Clone(secret)
	maps.Copy(merged, fields)
	return merged
}

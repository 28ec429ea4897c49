package protocol

import (
	"cmp"
	"time"
)

// Outcome is the outcome of a rotation.
type Outcome string

// The outcomes. Records contain only Committed, Aborted and Unknown.
const (
	Committed Outcome = "committed" // version source+1 is exactly the requested data
	Aborted   Outcome = "aborted"   // it is not, and the write can never be applied
	Unknown   Outcome = "unknown"   // the evidence is gone
	Undecided Outcome = "undecided" // not committed yet: still running, or crashed before the commit
	Recreated Outcome = "recreated" // the provider was deleted and created anew since
)

// Provider holds the facts in a provider's metadata. The zero value is a provider that does not
// exist.
type Provider struct {
	Current  int               // newest version
	Oldest   int               // oldest version that is not pruned
	Created  time.Time         // when the provider was created
	Versions map[int]time.Time // created_time of every listed version
}

// LaterBackup is the backup of another rotation: the content of version ID.Source.
type LaterBackup struct {
	ID   ID
	Data []byte // canonical
}

// Facts are the inputs of the rule. They must be read in this order: the backup, the metadata,
// version Source+1.
type Facts struct {
	ID           ID
	Backup       []byte // canonical data of the rotation's own backup; nil: none
	Provider     Provider
	Next         []byte        // canonical data of version Source+1; nil: unreadable
	LaterBackups []LaterBackup // other backups of the provider, for when Next is nil
}

// Generation tells whether an id belongs to the provider's current generation. KV v2 starts at
// version 1 again after a provider was deleted.
type Generation int

// The generations.
const (
	OtherGeneration   Generation = iota // of the same name, deleted since
	UnknownGeneration                   // the evidence is gone, and a clock may have stepped back
	SameGeneration
)

// Generation compares the id with the source version of the same number. If that version is no
// longer listed, an id that is younger than the provider belongs to its generation. An older
// one may belong to it too, if a clock stepped back.
func (p Provider) Generation(id ID) Generation {
	created, listed := p.Versions[id.Source]
	switch {
	case p.Behind(id):
		return UnknownGeneration
	case p.Current < id.Source, listed && !created.Equal(id.InForce):
		return OtherGeneration
	case listed:
		return SameGeneration
	case id.Source >= p.Oldest, p.Created.After(id.InForce):
		return UnknownGeneration
	}
	return SameGeneration
}

// Behind reports whether the metadata comes from a server that has not yet seen the id's source
// version, such as a standby. A provider that was created anew is younger than the id.
func (p Provider) Behind(id ID) bool {
	return p.Current > 0 && p.Current < id.Source && !p.Created.After(id.InForce)
}

// Compare orders ids by when they replaced their source version. Ids of the current generation
// come last, by version. Other ids are ordered by time, because their versions are not known.
func (p Provider) Compare(a, b ID) int {
	current := func(id ID) int {
		if p.Generation(id) == SameGeneration || p.Behind(id) {
			return id.Source
		}
		return 0
	}
	return cmp.Or(cmp.Compare(current(a), current(b)), a.Compare(b))
}

// Resolve is the rule, the only function that decides an outcome. A commit is a check-and-set
// on Source. Once the provider's version is higher, the commit can never be applied, and the
// content of version Source+1 shows whether it was.
func Resolve(f Facts) Outcome {
	generation := f.Provider.Generation(f.ID)
	switch {
	case generation == OtherGeneration:
		return Recreated
	case generation == UnknownGeneration:
		return Unknown
	case f.Provider.Current == f.ID.Source:
		return Undecided
	case f.Backup == nil:
		return Unknown
	}
	next := f.Next
	if next == nil {
		next = fromLaterBackups(f)
	}
	switch {
	case next == nil:
		return Unknown
	case f.ID.Matches(f.Backup, next):
		return Committed
	}
	return Aborted
}

// fromLaterBackups returns the content of version Source+1 from the backup of a rotation that
// replaced that version.
func fromLaterBackups(f Facts) []byte {
	for _, backup := range f.LaterBackups {
		if backup.ID.Source == f.ID.Source+1 && backup.Data != nil && !backup.ID.Restores(backup.Data) &&
			f.Provider.Generation(backup.ID) == SameGeneration {
			return backup.Data
		}
	}
	return nil
}

package protocol

import (
	"cmp"
	"time"
)

// Outcome is what became of a rotation.
type Outcome string

// The outcomes. Only the first two and Unknown ever stand in a record.
const (
	Committed Outcome = "committed" // version source+1 is exactly the requested data
	Aborted   Outcome = "aborted"   // it is not, and the write can never apply any more
	Unknown   Outcome = "unknown"   // the evidence is gone
	Undecided Outcome = "undecided" // not committed yet: in flight, or crashed before the commit
	Recreated Outcome = "recreated" // the provider was deleted and made anew since
)

// Provider is what the metadata of a provider says. The zero value is a
// provider that does not exist.
type Provider struct {
	Current  int               // newest version
	Oldest   int               // from here on the versions are whole
	Created  time.Time         // when the key itself was created
	Versions map[int]time.Time // created_time of every version still listed
}

// Link is another rotation's backup: the content of version ID.Source.
type LaterBackup struct {
	ID   ID
	Data []byte // canonical
}

// Facts is all the rule may look at. They are read in this order: the backup,
// then the metadata, then version Source+1.
type Facts struct {
	ID           ID
	Backup       []byte // canonical data of the rotation's own backup; nil: none
	Provider     Provider
	Next         []byte        // canonical data of version Source+1; nil: unreadable
	LaterBackups []LaterBackup // other backups of the provider, for when Next is nil
}

// Generation says whether an id belongs to the provider as it stands now, or to one of
// the same name that was deleted before: KV v2 starts again at version 1 then.
type Generation int

// The generations.
const (
	OtherGeneration   Generation = iota // of a provider that was deleted
	UnknownGeneration                   // the evidence is gone, and a clock may have stepped back
	SameGeneration
)

// Generation goes by the id's source version, whose time tells it from another one of
// the same number. Where that version is no longer listed, an id that is younger than
// the provider is of the same one; an older one may be, if a clock stepped back.
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

// Ahead reports an id whose source version this metadata does not know yet: a standby may
// have answered with an older state. A provider that was created anew is younger than such
// an id.
func (p Provider) Behind(id ID) bool {
	return p.Current > 0 && p.Current < id.Source && !p.Created.After(id.InForce)
}

// Compare orders ids by when they replaced their source version: those of the provider
// as it stands now come last, by that version. Clocks order only the others, for want of
// anything better.
func (p Provider) Compare(a, b ID) int {
	current := func(id ID) int {
		if p.Generation(id) == SameGeneration || p.Behind(id) {
			return id.Source
		}
		return 0
	}
	return cmp.Or(cmp.Compare(current(a), current(b)), a.Compare(b))
}

// Resolve is the rule, the one place that decides an outcome. A commit is a
// check-and-set on Source, so once the provider is past Source it can never
// apply again, and version Source+1 tells for good whether it did.
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

// fromChain finds the content of version Source+1 in the backup of a rotation
// that replaced it.
func fromLaterBackups(f Facts) []byte {
	for _, backup := range f.LaterBackups {
		if backup.ID.Source == f.ID.Source+1 && backup.Data != nil && !backup.ID.Restores(backup.Data) &&
			f.Provider.Generation(backup.ID) == SameGeneration {
			return backup.Data
		}
	}
	return nil
}

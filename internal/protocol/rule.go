package protocol

import "time"

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
type Link struct {
	ID   ID
	Data []byte // canonical
}

// restores reports that the data is what a restore put in the version's place, not
// the version's own.
func (l Link) restores() bool { return l.ID.Matches(l.Data, l.Data) }

// Facts is all the rule may look at. They are read in this order: the backup,
// then the metadata, then version Source+1.
type Facts struct {
	ID       ID
	Backup   []byte // canonical data of the rotation's own backup; nil: none
	Provider Provider
	Next     []byte // canonical data of version Source+1; nil: unreadable
	Chain    []Link // other backups of the provider, for when Next is nil
}

// SameGeneration reports whether the id's source version belongs to the key
// as it stands now, and not to one of the same name deleted before: KV v2
// starts again at version 1 then.
func (p Provider) SameGeneration(id ID) bool {
	if created, listed := p.Versions[id.Source]; listed {
		return created.Equal(id.InForce)
	}
	return id.Source < p.Oldest && !p.Created.After(id.InForce)
}

// Resolve is the rule, the one place that decides an outcome. A commit is a
// check-and-set on Source, so once the provider is past Source it can never
// apply again, and version Source+1 tells for good whether it did.
func Resolve(f Facts) Outcome {
	switch {
	case f.Provider.Current < f.ID.Source, !f.Provider.SameGeneration(f.ID):
		return Recreated
	case f.Provider.Current == f.ID.Source:
		return Undecided
	case f.Backup == nil:
		return Unknown
	}
	next := f.Next
	if next == nil {
		next = fromChain(f)
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
func fromChain(f Facts) []byte {
	for _, link := range f.Chain {
		if link.ID.Source == f.ID.Source+1 && link.Data != nil && !link.restores() &&
			link.ID.InForce.After(f.ID.InForce) && f.Provider.SameGeneration(link.ID) {
			return link.Data
		}
	}
	return nil
}

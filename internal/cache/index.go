package cache

import (
	"maps"
	"sync/atomic"
)

// index finds entries by name. Readers use a snapshot of the map that never changes, which
// needs no lock and takes half the time of a sync.Map. If an entry is missing there, the
// reader looks it up under the mutex. Once that has happened as often as there are
// entries, the snapshot is replaced. So copying costs no more than the slow lookups.
type index[V any] struct {
	snapshot atomic.Pointer[map[string]*entry[V]] // for readers; nil is empty

	all    map[string]*entry[V] // all entries; the mutex guards this field and the next
	misses int                  // slow lookups since the snapshot was made
}

// lookup returns the snapshot's entry or nil. It needs no mutex.
func (x *index[V]) lookup(name string) *entry[V] {
	copied := x.snapshot.Load()
	if copied == nil {
		return nil
	}
	return (*copied)[name]
}

// lookupSlow returns an entry that lookup did not find, or nil. The caller holds the
// mutex.
func (x *index[V]) lookupSlow(name string) *entry[V] {
	e := x.all[name]
	if e == nil {
		return nil
	}
	x.misses++
	if x.misses >= len(x.all) {
		copied := maps.Clone(x.all)
		x.snapshot.Store(&copied)
		x.misses = 0
	}
	return e
}

func (x *index[V]) add(e *entry[V]) {
	if x.all == nil {
		x.all = map[string]*entry[V]{}
	}
	x.all[e.name] = e
}

// remove removes an entry. It drops a snapshot with the entry, so that readers do not find
// it.
func (x *index[V]) remove(e *entry[V]) {
	delete(x.all, e.name)
	if x.lookup(e.name) != nil {
		x.snapshot.Store(nil)
	}
}

func (x *index[V]) clear() {
	x.all = nil
	x.snapshot.Store(nil)
}

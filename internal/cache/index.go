package cache

import (
	"maps"
	"sync/atomic"
)

// index finds entries by name. Readers look into a copy that nobody changes, which
// takes no lock and half the time of a sync.Map. Whoever misses an entry there looks
// again under the cache's mutex, and the copy is made anew once that has happened as
// often as there are entries: so copying costs no more than missing does.
type index[V any] struct {
	snapshot atomic.Pointer[map[string]*entry[V]] // the readers'; nil is an empty one

	all    map[string]*entry[V] // the mutex's, as everything below
	misses int                  // since the copy was made
}

// peek is the entry if the copy has it, or nil. It needs no mutex.
func (x *index[V]) lookup(name string) *entry[V] {
	copied := x.snapshot.Load()
	if copied == nil {
		return nil
	}
	return (*copied)[name]
}

// missed is the entry, which peek did not find, or nil if there is none.
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

// remove drops a copy that has the entry: readers would find it for good.
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

package cache

import "container/heap"

// agenda is the entries, the one with something to do first at the top. What is
// due at no time stands last.
type agenda[V any] []*entry[V]

func (a *agenda[V]) add(e *entry[V])    { heap.Push(a, e) }
func (a *agenda[V]) move(e *entry[V])   { heap.Fix(a, e.place) }
func (a *agenda[V]) remove(e *entry[V]) { heap.Remove(a, e.place) }

// first is the top one, or nil.
func (a *agenda[V]) first() *entry[V] {
	if len(*a) == 0 {
		return nil
	}
	return (*a)[0]
}

// Len is heap.Interface's, as what follows.
func (a *agenda[V]) Len() int { return len(*a) }

// Less is for heap alone.
func (a *agenda[V]) Less(i, j int) bool {
	one, other := (*a)[i].due, (*a)[j].due
	return !one.IsZero() && (other.IsZero() || one.Before(other))
}

// Swap is for heap alone.
func (a *agenda[V]) Swap(i, j int) {
	(*a)[i], (*a)[j] = (*a)[j], (*a)[i]
	(*a)[i].place, (*a)[j].place = i, j
}

// Push is for heap alone.
func (a *agenda[V]) Push(e any) {
	added := e.(*entry[V])
	added.place = len(*a)
	*a = append(*a, added)
}

// Pop is for heap alone.
func (a *agenda[V]) Pop() any {
	last := len(*a) - 1
	removed := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	removed.place = -1
	return removed
}

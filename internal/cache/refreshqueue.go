package cache

import "container/heap"

// refreshQueue is a heap of the entries. The entry that is due first is at the top.
// Entries that are never due come last.
type refreshQueue[V any] []*entry[V]

func (a *refreshQueue[V]) add(e *entry[V])    { heap.Push(a, e) }
func (a *refreshQueue[V]) move(e *entry[V])   { heap.Fix(a, e.index) }
func (a *refreshQueue[V]) remove(e *entry[V]) { heap.Remove(a, e.index) }

// first returns the top entry or nil.
func (a *refreshQueue[V]) first() *entry[V] {
	if len(*a) == 0 {
		return nil
	}
	return (*a)[0]
}

// Len implements heap.Interface, as the methods below do.
func (a *refreshQueue[V]) Len() int { return len(*a) }

// Less implements heap.Interface.
func (a *refreshQueue[V]) Less(i, j int) bool {
	one, other := (*a)[i].dueAt, (*a)[j].dueAt
	return !one.IsZero() && (other.IsZero() || one.Before(other))
}

// Swap implements heap.Interface.
func (a *refreshQueue[V]) Swap(i, j int) {
	(*a)[i], (*a)[j] = (*a)[j], (*a)[i]
	(*a)[i].index, (*a)[j].index = i, j
}

// Push implements heap.Interface.
func (a *refreshQueue[V]) Push(e any) {
	added := e.(*entry[V])
	added.index = len(*a)
	*a = append(*a, added)
}

// Pop implements heap.Interface.
func (a *refreshQueue[V]) Pop() any {
	last := len(*a) - 1
	removed := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	removed.index = -1
	return removed
}

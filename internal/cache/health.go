package cache

import (
	"slices"
	"time"
)

// Troubles are names, sorted.
type Troubles struct {
	Stale   []string // older than TTL, and served all the same
	Missing []string // cannot be served, and somebody keeps them
	Lost    []string // cannot be served, and somebody listens alone
}

// Troubled names what is not as it should be.
func (c *Cache[V]) Troubled() Troubles {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, found := time.Now(), Troubles{}
	for _, e := range c.agenda {
		switch shown := e.shown.Load() != nil; {
		case shown && !now.Before(e.since.Add(c.config.TTL)):
			found.Stale = append(found.Stale, e.name)
		case !shown && e.kept > 0:
			found.Missing = append(found.Missing, e.name)
		case !shown && len(e.listeners) > 0:
			found.Lost = append(found.Lost, e.name)
		}
	}
	slices.Sort(found.Stale)
	slices.Sort(found.Missing)
	slices.Sort(found.Lost)
	return found
}

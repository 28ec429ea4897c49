package cache

import (
	"slices"
	"time"
)

// Troubled names, sorted, what is older than TTL and served all the same, and what
// somebody keeps or listens to and cannot be served.
func (c *Cache[V]) Troubled() (stale, missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, e := range c.agenda {
		switch shown := e.shown.Load() != nil; {
		case shown && !now.Before(e.since.Add(c.config.TTL)):
			stale = append(stale, e.name)
		case !shown && (e.kept > 0 || len(e.listeners) > 0):
			missing = append(missing, e.name)
		}
	}
	slices.Sort(stale)
	slices.Sort(missing)
	return stale, missing
}

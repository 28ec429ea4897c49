package cache

import (
	"slices"
	"time"
)

// Troubles are names, sorted.
type Problems struct {
	Stale   []string // older than TTL, and served all the same
	Missing []string // cannot be served, and somebody keeps them
	Lost    []string // cannot be served, and somebody listens alone
}

// Troubled names what is not as it should be.
func (c *Cache[V]) Problems() Problems {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, problems := time.Now(), Problems{}
	for _, e := range c.queue {
		switch shown := e.current.Load() != nil; {
		case shown && !now.Before(e.fetchedAt.Add(c.config.TTL)):
			problems.Stale = append(problems.Stale, e.name)
		case !shown && e.keepers > 0:
			problems.Missing = append(problems.Missing, e.name)
		case !shown && len(e.listeners) > 0:
			problems.Lost = append(problems.Lost, e.name)
		}
	}
	slices.Sort(problems.Stale)
	slices.Sort(problems.Missing)
	slices.Sort(problems.Lost)
	return problems
}

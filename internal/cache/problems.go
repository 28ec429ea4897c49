package cache

import (
	"slices"
	"time"
)

// Problems lists names with problems, sorted.
type Problems struct {
	Stale   []string // older than TTL and still served
	Missing []string // kept, without a value
	Lost    []string // only listened to, without a value
}

// Problems returns the names whose value is stale or missing.
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

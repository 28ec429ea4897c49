package cache

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// entry is the state of one name. Readers use only current and recentlyRead; the cache's
// mutex guards the other fields.
type entry[V any] struct {
	current      atomic.Pointer[V] // the value that readers get
	recentlyRead atomic.Bool       // read since the last call of unused

	name         string
	newest       *V  // the newest known value; current is nil if it is too old
	keepers      int // calls of Keep
	listeners    map[chan struct{}]struct{}
	fetch        *fetch[V]
	failure      error     // of the last fetch
	failures     int       // in a row; results that are too old count too
	failureUntil time.Time // until then readers get the failure
	lastRead     time.Time // when recentlyRead was last seen to be true

	fetchedAt time.Time // when the fetch that confirmed newest began
	refreshAt time.Time // when to fetch again; zero while waiting or fetching
	staleAt   time.Time // when newest becomes older than TTL; zero once observed
	dropAt    time.Time // when newest may no longer be served; zero: never
	dueAt     time.Time // the earliest of these three
	index     int       // in the refresh queue
}

// entry returns the entry of name, and creates it if there is none. The caller of this and
// of the functions below holds the mutex.
func (c *Cache[V]) entry(name string) *entry[V] {
	if e := c.find(name); e != nil {
		return e
	}
	e := &entry[V]{name: name}
	c.entries.add(e)
	c.queue.add(e)
	return e
}

func (c *Cache[V]) find(name string) *entry[V] { return c.entries.all[name] }

// forget removes an entry that nobody uses.
func (c *Cache[V]) forget(e *entry[V]) {
	e.current.Store(nil)
	c.entries.remove(e)
	c.queue.remove(e)
}

// setValue makes value current. since is the time at which its fetch began.
func (c *Cache[V]) setValue(e *entry[V], value *V, since time.Time) {
	changed := e.newest != value || e.failure != nil
	reported := e.newest != nil && e.staleAt.IsZero() // WentStale was observed
	e.newest, e.failure, e.failures = value, nil, 0
	e.current.Store(value)
	e.fetchedAt, e.staleAt, e.dropAt = since, since.Add(c.config.TTL), time.Time{}
	if c.config.MaxStale != Forever {
		e.dropAt = e.staleAt.Add(c.config.MaxStale)
	}
	if reported && isDue(e.staleAt, time.Now()) { // still stale, because the fetch took longer than the TTL
		e.staleAt = time.Time{}
	}
	e.refreshAt = since.Add(refreshAfter(c.config.TTL))
	c.schedule(e)
	if changed {
		e.notify()
	}
}

// refreshAfter returns a random time, so that values fetched together are not refreshed
// together.
func refreshAfter(ttl time.Duration) time.Duration {
	return time.Duration((0.6 + 0.3*rand.Float64()) * float64(ttl))
}

// removeValue removes a value that no longer exists.
func (c *Cache[V]) removeValue(e *entry[V]) {
	e.current.Store(nil)
	e.newest, e.staleAt, e.dropAt = nil, time.Time{}, time.Time{}
}

// recordFailure records a failed fetch and schedules the next one.
func (c *Cache[V]) recordFailure(e *entry[V], err error) {
	now := time.Now()
	first := e.failure == nil || c.config.Gone(e.failure) != c.config.Gone(err)
	e.failure, e.failureUntil = err, now.Add(failureTTL)
	if e.newest == nil && e.inUse() && c.config.Gone(err) { // not an outage, so the TTL applies
		e.refreshAt = now.Add(max(failureTTL, refreshAfter(c.config.TTL)))
	} else {
		c.scheduleRetry(e, now)
	}
	c.schedule(e)
	if first {
		e.notify()
	}
}

// outdated reports whether a fetched value is older than the cached one, as from a server
// that lags behind. After the TTL the value is accepted, because Vault may have been
// restored from a backup.
func (c *Cache[V]) outdated(e *entry[V], value *V) bool {
	return e.newest != nil && c.config.Behind(value, e.newest) && time.Now().Before(e.fetchedAt.Add(c.config.TTL))
}

// failureCached reports whether readers get the last failure without a fetch.
func (e *entry[V]) failureCached() bool { return e.failure != nil && time.Now().Before(e.failureUntil) }

// inUse reports whether the entry is refreshed even if nobody reads it.
func (e *entry[V]) inUse() bool { return e.keepers > 0 || len(e.listeners) > 0 }

// unused reports whether nobody has read the entry for a TTL. A value that was read stays
// while fetching fails, because it cannot be fetched again.
func (c *Cache[V]) unused(e *entry[V], now time.Time) bool {
	if e.recentlyRead.Swap(false) {
		e.lastRead = now
	}
	switch {
	case e.inUse():
		return false
	case e.current.Load() == nil:
		return true
	case e.failure != nil && !e.lastRead.IsZero():
		return false
	}
	return now.Sub(e.lastRead) >= c.config.TTL
}

// schedule sets the time of the entry's next step.
func (c *Cache[V]) schedule(e *entry[V]) {
	e.dueAt = time.Time{}
	for _, at := range []time.Time{e.nextRefresh(), e.staleAt, e.nextDrop()} {
		if !at.IsZero() && (e.dueAt.IsZero() || at.Before(e.dueAt)) {
			e.dueAt = at
		}
	}
	c.queue.move(e)
	c.wakeRefresher()
}

func (e *entry[V]) nextRefresh() time.Time {
	if e.fetch != nil {
		return time.Time{}
	}
	return e.refreshAt
}

func (e *entry[V]) nextDrop() time.Time {
	if e.current.Load() == nil {
		return time.Time{}
	}
	return e.dropAt
}

// notify wakes the listeners, which then look for news.
func (e *entry[V]) notify() {
	for listener := range e.listeners {
		select {
		case listener <- struct{}{}:
		default: // already notified
		}
	}
}

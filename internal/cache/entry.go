package cache

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// entry is one name. Readers use the two atomics, the rest is the cache's mutex's.
type entry[V any] struct {
	current      atomic.Pointer[V] // what readers get
	recentlyRead atomic.Bool       // somebody read it since that was last looked at

	name         string
	newest       *V // the newest known; shown, unless it is too old
	keepers      int
	listeners    map[chan struct{}]struct{}
	fetch        *fetch[V]
	failure      error     // of the last fetch
	failures     int       // in a row, answers that were too old included
	failureUntil time.Time // until when the failure stands for an answer
	lastRead     time.Time // when it was last seen to be wanted

	fetchedAt time.Time // when the fetch that confirmed held was begun
	refreshAt time.Time // when to fetch again; zero while that is queued or under way
	staleAt   time.Time // when held is older than TTL; zero once that was said
	dropAt    time.Time // when held may be shown no longer; zero: it may
	dueAt     time.Time // the first of these three
	index     int       // in the agenda
}

// entry is the one for name, made now unless there is one. It needs the mutex, as
// everything below.
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

// forget removes what nobody wants.
func (c *Cache[V]) forget(e *entry[V]) {
	e.current.Store(nil)
	c.entries.remove(e)
	c.queue.remove(e)
}

// show makes value, as it was at the time since, what readers get.
func (c *Cache[V]) setValue(e *entry[V], value *V, since time.Time) {
	changed := e.newest != value || e.failure != nil
	reported := e.newest != nil && e.staleAt.IsZero() // that it is stale
	e.newest, e.failure, e.failures = value, nil, 0
	e.current.Store(value)
	e.fetchedAt, e.staleAt, e.dropAt = since, since.Add(c.config.TTL), time.Time{}
	if c.config.MaxStale != Forever {
		e.dropAt = e.staleAt.Add(c.config.MaxStale)
	}
	if reported && isDue(e.staleAt, time.Now()) { // still: the fetch took its time
		e.staleAt = time.Time{}
	}
	e.refreshAt = since.Add(refreshAfter(c.config.TTL))
	c.schedule(e)
	if changed {
		e.notify()
	}
}

// aheadOf spreads the refreshes of values that were fetched together.
func refreshAfter(ttl time.Duration) time.Duration {
	return time.Duration((0.6 + 0.3*rand.Float64()) * float64(ttl))
}

// gone ends a value that is not there any more.
func (c *Cache[V]) removeValue(e *entry[V]) {
	e.current.Store(nil)
	e.newest, e.staleAt, e.dropAt = nil, time.Time{}, time.Time{}
}

// fail notes that a fetch failed, and when to try again.
func (c *Cache[V]) recordFailure(e *entry[V], err error) {
	now := time.Now()
	first := e.failure == nil || c.config.Gone(e.failure) != c.config.Gone(err)
	e.failure, e.failureUntil = err, now.Add(failureTTL)
	if e.newest == nil && e.inUse() && c.config.Gone(err) { // nothing to recover: ask as often as for a value
		e.refreshAt = now.Add(max(failureTTL, refreshAfter(c.config.TTL)))
	} else {
		c.scheduleRetry(e, now)
	}
	c.schedule(e)
	if first {
		e.notify()
	}
}

// retry plans another fetch, the later the more of them have come to nothing.
func (c *Cache[V]) scheduleRetry(e *entry[V], now time.Time) {
	e.failures++
	e.refreshAt = now.Add(max(failureTTL, c.config.Backoff.Delay(e.failures)))
}

// outdated reports an answer that is older than what is held: of a server that lags
// behind. Once the TTL is over it is believed: Vault may have been restored.
func (c *Cache[V]) outdated(e *entry[V], value *V) bool {
	return e.newest != nil && c.config.Behind(value, e.newest) && time.Now().Before(e.fetchedAt.Add(c.config.TTL))
}

// excusable: its failure stands for an answer.
func (e *entry[V]) failureCached() bool { return e.failure != nil && time.Now().Before(e.failureUntil) }

// followed: it is to be there whether or not anybody reads it.
func (e *entry[V]) inUse() bool { return e.keepers > 0 || len(e.listeners) > 0 }

// unwanted: nobody has read it for a TTL. What was read stays while fetching fails,
// for it cannot be had again; what is not there for readers goes.
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

// plan notes when there is something to do for the entry next.
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

// tell wakes those who listen; they look for themselves.
func (e *entry[V]) notify() {
	for listener := range e.listeners {
		select {
		case listener <- struct{}{}:
		default: // told already
		}
	}
}

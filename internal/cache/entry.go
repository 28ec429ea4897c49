package cache

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// entry is one name. Readers use the two atomics, the rest is the cache's mutex's.
type entry[V any] struct {
	shown  atomic.Pointer[V] // what readers get
	wanted atomic.Bool       // somebody read it since that was last looked at

	name      string
	held      *V // the newest known; shown, unless it is too old
	kept      int
	listeners map[chan struct{}]struct{}
	flight    *flight[V]
	failure   error     // of the last fetch
	failures  int       // in a row, answers that were too old included
	excused   time.Time // until when the failure stands for an answer
	asked     time.Time // when it was last seen to be wanted

	since   time.Time // when the fetch that confirmed held was begun
	refresh time.Time // when to fetch again; zero while that is queued or under way
	stale   time.Time // when held is older than TTL; zero once that was said
	drop    time.Time // when held may be shown no longer; zero: it may
	due     time.Time // the first of these three
	place   int       // in the agenda
}

// entry is the one for name, made now unless there is one. It needs the mutex, as
// everything below.
func (c *Cache[V]) entry(name string) *entry[V] {
	if e := c.known(name); e != nil {
		return e
	}
	e := &entry[V]{name: name}
	c.entries.add(e)
	c.agenda.add(e)
	return e
}

func (c *Cache[V]) known(name string) *entry[V] { return c.entries.all[name] }

// forget removes what nobody wants.
func (c *Cache[V]) forget(e *entry[V]) {
	e.shown.Store(nil)
	c.entries.remove(e)
	c.agenda.remove(e)
}

// show makes value, as it was at the time since, what readers get.
func (c *Cache[V]) show(e *entry[V], value *V, since time.Time) {
	news := e.held != value || e.failure != nil
	said := e.held != nil && e.stale.IsZero() // that it is stale
	e.held, e.failure, e.failures = value, nil, 0
	e.shown.Store(value)
	e.since, e.stale, e.drop = since, since.Add(c.config.TTL), time.Time{}
	if c.config.MaxStale != Forever {
		e.drop = e.stale.Add(c.config.MaxStale)
	}
	if said && passed(e.stale, time.Now()) { // still: the fetch took its time
		e.stale = time.Time{}
	}
	e.refresh = since.Add(aheadOf(c.config.TTL))
	c.plan(e)
	if news {
		e.tell()
	}
}

// aheadOf spreads the refreshes of values that were fetched together.
func aheadOf(ttl time.Duration) time.Duration {
	return time.Duration((0.6 + 0.3*rand.Float64()) * float64(ttl))
}

// gone ends a value that is not there any more.
func (c *Cache[V]) gone(e *entry[V]) {
	e.shown.Store(nil)
	e.held, e.stale, e.drop = nil, time.Time{}, time.Time{}
}

// fail notes that a fetch failed, and when to try again.
func (c *Cache[V]) fail(e *entry[V], err error) {
	now := time.Now()
	first := e.failure == nil || c.config.Gone(e.failure) != c.config.Gone(err)
	e.failure, e.excused = err, now.Add(moment)
	if e.held == nil && e.followed() && c.config.Gone(err) { // nothing to recover: ask as often as for a value
		e.refresh = now.Add(max(moment, aheadOf(c.config.TTL)))
	} else {
		c.retry(e, now)
	}
	c.plan(e)
	if first {
		e.tell()
	}
}

// retry plans another fetch, the later the more of them have come to nothing.
func (c *Cache[V]) retry(e *entry[V], now time.Time) {
	e.failures++
	e.refresh = now.Add(max(moment, c.config.Backoff.Delay(e.failures)))
}

// outdated reports an answer that is older than what is held: of a server that lags
// behind. Once the TTL is over it is believed: Vault may have been restored.
func (c *Cache[V]) outdated(e *entry[V], value *V) bool {
	return e.held != nil && c.config.Behind(value, e.held) && time.Now().Before(e.since.Add(c.config.TTL))
}

// excusable: its failure stands for an answer.
func (e *entry[V]) excusable() bool { return e.failure != nil && time.Now().Before(e.excused) }

// followed: it is to be there whether or not anybody reads it.
func (e *entry[V]) followed() bool { return e.kept > 0 || len(e.listeners) > 0 }

// unwanted: nobody has read it for a TTL. What was read stays while fetching fails,
// for it cannot be had again; what is not there for readers goes.
func (c *Cache[V]) unwanted(e *entry[V], now time.Time) bool {
	if e.wanted.Swap(false) {
		e.asked = now
	}
	switch {
	case e.followed():
		return false
	case e.shown.Load() == nil:
		return true
	case e.failure != nil && !e.asked.IsZero():
		return false
	}
	return now.Sub(e.asked) >= c.config.TTL
}

// plan notes when there is something to do for the entry next.
func (c *Cache[V]) plan(e *entry[V]) {
	e.due = time.Time{}
	for _, at := range []time.Time{e.whenToRefresh(), e.stale, e.whenToDrop()} {
		if !at.IsZero() && (e.due.IsZero() || at.Before(e.due)) {
			e.due = at
		}
	}
	c.agenda.move(e)
	c.rouse()
}

func (e *entry[V]) whenToRefresh() time.Time {
	if e.flight != nil {
		return time.Time{}
	}
	return e.refresh
}

func (e *entry[V]) whenToDrop() time.Time {
	if e.shown.Load() == nil {
		return time.Time{}
	}
	return e.drop
}

// tell wakes those who listen; they look for themselves.
func (e *entry[V]) tell() {
	for listener := range e.listeners {
		select {
		case listener <- struct{}{}:
		default: // told already
		}
	}
}

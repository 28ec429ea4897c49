package cache

import "time"

// wakeRefresher makes the refresher look at the queue, and starts it if it does not run.
func (c *Cache[V]) wakeRefresher() {
	if c.closed {
		return
	}
	if !c.running {
		c.running = true
		c.background.Add(1)
		go c.refresher()
	}
	select {
	case c.wake <- struct{}{}:
	default: // already woken
	}
}

// refresher runs what is due until the cache is closed.
func (c *Cache[V]) refresher() {
	defer c.background.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, events := c.runDue(time.Now())
		for _, event := range events {
			c.observe(event)
		}
		var alarm <-chan time.Time
		if !next.IsZero() {
			timer.Reset(time.Until(next))
			alarm = timer.C
		}
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		case <-alarm:
		}
	}
}

// runDue runs all steps that are due and returns the time of the next one. Zero means that
// none is scheduled.
func (c *Cache[V]) runDue(now time.Time) (next time.Time, events []Event[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		e := c.queue.first()
		if e == nil || !isDue(e.dueAt, now) {
			return nextDue(e), events
		}
		if event, changed := c.process(e, now); changed {
			events = append(events, event)
		}
	}
}

func nextDue[V any](e *entry[V]) time.Time {
	if e == nil {
		return time.Time{}
	}
	return e.dueAt
}

// isDue reports whether a time has passed. The zero time never does.
func isDue(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// process runs the first step that is due for the entry.
func (c *Cache[V]) process(e *entry[V], now time.Time) (event Event[V], changed bool) {
	switch {
	case isDue(e.nextDrop(), now):
		event, changed = Event[V]{Action: Dropped, Name: e.name, Value: e.newest, Err: e.failure}, true
		c.dropStale(e)
	case isDue(e.staleAt, now):
		event, changed = Event[V]{Action: WentStale, Name: e.name, Value: e.newest, Err: e.failure}, true
		e.staleAt = time.Time{}
	case c.unused(e, now):
		c.forget(e)
		return event, changed
	default:
		c.fetchOrWait(e)
	}
	c.schedule(e)
	return event, changed
}

// dropStale stops serving a value that is too old. Listeners keep it to tell whether the
// next value is new.
func (c *Cache[V]) dropStale(e *entry[V]) {
	e.current.Store(nil)
	e.staleAt = time.Time{}
	if len(e.listeners) == 0 {
		e.newest = nil
	}
}

// fetchOrWait fetches the entry in the background, or makes it wait if too many fetches
// run.
func (c *Cache[V]) fetchOrWait(e *entry[V]) {
	e.refreshAt = time.Time{}
	if c.backgroundFetches < maxBackgroundFetches {
		c.startFetch(e, false)
		return
	}
	c.waiting = append(c.waiting, e)
}

// startWaiting fetches waiting entries as the limit allows.
func (c *Cache[V]) startWaiting() {
	for len(c.waiting) > 0 && c.backgroundFetches < maxBackgroundFetches {
		e := c.waiting[0]
		c.waiting = c.waiting[1:]
		if e.index >= 0 && e.fetch == nil && e.refreshAt.IsZero() {
			c.startFetch(e, false)
		}
	}
}

package cache

import "time"

// rouse has the refresher look at the agenda, and starts it if need be.
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
	default: // roused already
	}
}

// refresher does what is due, until the cache is closed.
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

// attend does what is due, and says when the next thing will be. Zero: not before
// it is roused.
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

// passed: zero is a time that never comes.
func isDue(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// act does the first thing that is due for the entry.
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

// dropShown ends what is too old to be served. Those who listen were told of it
// once and will hear of the next.
func (c *Cache[V]) dropStale(e *entry[V]) {
	e.current.Store(nil)
	e.staleAt = time.Time{}
	if len(e.listeners) == 0 {
		e.newest = nil
	}
}

// queue fetches the entry as soon as there is a hand free.
func (c *Cache[V]) fetchOrWait(e *entry[V]) {
	e.refreshAt = time.Time{}
	if c.backgroundFetches < maxBackgroundFetches {
		c.startFetch(e, false)
		return
	}
	c.waiting = append(c.waiting, e)
}

// dequeue gives a hand that has become free to the next who waits still.
func (c *Cache[V]) startWaiting() {
	for len(c.waiting) > 0 && c.backgroundFetches < maxBackgroundFetches {
		e := c.waiting[0]
		c.waiting = c.waiting[1:]
		if e.index >= 0 && e.fetch == nil && e.refreshAt.IsZero() {
			c.startFetch(e, false)
		}
	}
}

package cache

import "time"

// rouse has the refresher look at the agenda, and starts it if need be.
func (c *Cache[V]) rouse() {
	if c.closed {
		return
	}
	if !c.running {
		c.running = true
		c.work.Add(1)
		go c.refresher()
	}
	select {
	case c.wake <- struct{}{}:
	default: // roused already
	}
}

// refresher does what is due, until the cache is closed.
func (c *Cache[V]) refresher() {
	defer c.work.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, events := c.attend(time.Now())
		for _, event := range events {
			c.observe(event)
		}
		var alarm <-chan time.Time
		if !next.IsZero() {
			timer.Reset(time.Until(next))
			alarm = timer.C
		}
		select {
		case <-c.life.Done():
			return
		case <-c.wake:
		case <-alarm:
		}
	}
}

// attend does what is due, and says when the next thing will be. Zero: not before
// it is roused.
func (c *Cache[V]) attend(now time.Time) (next time.Time, events []Event[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		e := c.agenda.first()
		if e == nil || !passed(e.due, now) {
			return dueOf(e), events
		}
		if event, said := c.act(e, now); said {
			events = append(events, event)
		}
	}
}

func dueOf[V any](e *entry[V]) time.Time {
	if e == nil {
		return time.Time{}
	}
	return e.due
}

// passed: zero is a time that never comes.
func passed(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// act does the first thing that is due for the entry.
func (c *Cache[V]) act(e *entry[V], now time.Time) (event Event[V], said bool) {
	switch {
	case passed(e.whenToDrop(), now):
		event, said = Event[V]{Action: Dropped, Name: e.name, Value: e.held, Err: e.failure}, true
		c.dropShown(e)
	case passed(e.stale, now):
		event, said = Event[V]{Action: Staled, Name: e.name, Value: e.held, Err: e.failure}, true
		e.stale = time.Time{}
	case c.unwanted(e, now):
		c.forget(e)
		return event, said
	default:
		c.queue(e)
	}
	c.plan(e)
	return event, said
}

// dropShown ends what is too old to be served. Those who listen were told of it
// once and will hear of the next.
func (c *Cache[V]) dropShown(e *entry[V]) {
	e.shown.Store(nil)
	e.stale = time.Time{}
	if len(e.listeners) == 0 {
		e.held = nil
	}
}

// queue fetches the entry as soon as there is a hand free.
func (c *Cache[V]) queue(e *entry[V]) {
	e.refresh = time.Time{}
	if c.unasked < together {
		c.ensureFlight(e, false)
		return
	}
	c.queued = append(c.queued, e)
}

// dequeue gives a hand that has become free to the next who waits still.
func (c *Cache[V]) dequeue() {
	for len(c.queued) > 0 && c.unasked < together {
		e := c.queued[0]
		c.queued = c.queued[1:]
		if e.place >= 0 && e.flight == nil && e.refresh.IsZero() {
			c.ensureFlight(e, false)
		}
	}
}

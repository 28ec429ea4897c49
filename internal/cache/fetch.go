package cache

import (
	"context"
	"time"
)

// flight is one fetch, shared by all who wait for it. What it came to may be read
// once done is closed.
type fetch[V any] struct {
	done       chan struct{}
	cancel     context.CancelFunc
	superseded bool // it may have seen less than is known by now: look again
	value      *V
	err        error
}

// ensureFlight begins a fetch unless one is under way.
func (c *Cache[V]) startFetch(e *entry[V], foreground bool) {
	if e.fetch != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.config.FetchTimeout, c.config.TimeoutCause) //nolint:gosec // fetch calls cancel
	e.fetch = &fetch[V]{done: make(chan struct{}), cancel: cancel}
	c.schedule(e)
	if !foreground {
		c.backgroundFetches++
	}
	c.background.Add(1)
	go c.fetch(ctx, e, e.fetch, e.newest, foreground)
}

// supersede ends the fetch under way without effect, and has those who wait for it
// look again.
func (c *Cache[V]) supersede(e *entry[V]) {
	if e.fetch == nil {
		return
	}
	e.fetch.superseded = true
	e.fetch.cancel()
	close(e.fetch.done)
	e.fetch = nil
}

func (c *Cache[V]) fetch(ctx context.Context, e *entry[V], f *fetch[V], previous *V, foreground bool) {
	defer c.background.Done()
	defer f.cancel()
	since := time.Now()
	value, err := c.config.Fetch(ctx, e.name, previous)
	event := Event[V]{Action: Refreshed, Name: e.name, Value: value, Err: err, Took: time.Since(since)}
	for _, change := range c.complete(e, f, since, foreground, event) {
		c.observe(change)
	}
}

// land makes what a fetch came to the entry's. It returns what there is to say.
func (c *Cache[V]) complete(e *entry[V], f *fetch[V], since time.Time, foreground bool, event Event[V]) []Event[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !foreground {
		c.backgroundFetches--
		c.startWaiting()
	}
	if f.superseded {
		return nil
	}
	defer close(f.done)
	e.fetch = nil
	if c.closed {
		f.err = c.config.Closed
		return nil
	}
	f.value, f.err = event.Value, event.Err
	switch {
	case f.err != nil:
		return append([]Event[V]{event}, c.fetchFailed(e, f.err)...)
	case c.outdated(e, f.value):
		f.value = e.newest
		c.scheduleRetry(e, time.Now())
		c.schedule(e)
	default:
		c.setValue(e, f.value, since)
	}
	return []Event[V]{event}
}

// failed is fail, and ends what a definite answer says is gone.
func (c *Cache[V]) fetchFailed(e *entry[V], err error) (events []Event[V]) {
	if e.newest != nil && c.config.Gone(err) {
		c.removeValue(e)
		events = append(events, Event[V]{Action: Dropped, Name: e.name, Err: err})
	}
	c.recordFailure(e, err)
	return events
}

func (c *Cache[V]) observe(event Event[V]) {
	if c.config.Observe != nil {
		c.config.Observe(event)
	}
}

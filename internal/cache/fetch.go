package cache

import (
	"context"
	"time"
)

// fetch is a running fetch, shared by all callers that wait for it. value and err are set
// before done is closed.
type fetch[V any] struct {
	done       chan struct{}
	cancel     context.CancelFunc
	superseded bool // discarded; callers look again
	value      *V
	err        error
}

// startFetch starts a fetch unless one is running. foreground means that a caller waits
// for it.
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

// supersede discards the running fetch. Callers that wait for it look again.
func (c *Cache[V]) supersede(e *entry[V]) {
	if e.fetch == nil {
		return
	}
	e.fetch.superseded = true
	e.fetch.cancel()
	close(e.fetch.done)
	e.fetch = nil
}

// fetch calls Config.Fetch and stores the result.
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

// complete stores the result of a fetch. It returns the events to observe.
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

// fetchFailed records the failure, and removes the value if it no longer exists.
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

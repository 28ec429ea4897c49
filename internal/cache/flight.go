package cache

import (
	"context"
	"time"
)

// flight is one fetch, shared by all who wait for it. What it came to may be read
// once done is closed.
type flight[V any] struct {
	done       chan struct{}
	cancel     context.CancelFunc
	superseded bool // it may have seen less than is known by now: look again
	value      *V
	err        error
}

// ensureFlight begins a fetch unless one is under way.
func (c *Cache[V]) ensureFlight(e *entry[V], asked bool) {
	if e.flight != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(c.life, c.config.Limit, c.config.Overdue) //nolint:gosec // fly calls cancel
	e.flight = &flight[V]{done: make(chan struct{}), cancel: cancel}
	c.plan(e)
	if !asked {
		c.unasked++
	}
	c.work.Add(1)
	go c.fly(ctx, e, e.flight, e.held, asked)
}

// supersede ends the fetch under way without effect, and has those who wait for it
// look again.
func (c *Cache[V]) supersede(e *entry[V]) {
	if e.flight == nil {
		return
	}
	e.flight.superseded = true
	e.flight.cancel()
	close(e.flight.done)
	e.flight = nil
}

func (c *Cache[V]) fly(ctx context.Context, e *entry[V], f *flight[V], held *V, asked bool) {
	defer c.work.Done()
	defer f.cancel()
	since := time.Now()
	value, err := c.config.Fetch(ctx, e.name, held)
	event := Event[V]{Action: Refreshed, Name: e.name, Value: value, Err: err, Took: time.Since(since)}
	for _, said := range c.land(e, f, since, asked, event) {
		c.observe(said)
	}
}

// land makes what a fetch came to the entry's. It returns what there is to say.
func (c *Cache[V]) land(e *entry[V], f *flight[V], since time.Time, asked bool, event Event[V]) []Event[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !asked {
		c.unasked--
		c.dequeue()
	}
	if f.superseded {
		return nil
	}
	defer close(f.done)
	e.flight = nil
	if c.closed {
		f.err = c.config.Closed
		return nil
	}
	f.value, f.err = event.Value, event.Err
	switch {
	case f.err != nil:
		return append([]Event[V]{event}, c.failed(e, f.err)...)
	case c.outdated(e, f.value):
		f.value = e.held
		c.retry(e, time.Now())
		c.plan(e)
	default:
		c.show(e, f.value, since)
	}
	return []Event[V]{event}
}

// failed is fail, and ends what a definite answer says is gone.
func (c *Cache[V]) failed(e *entry[V], err error) (events []Event[V]) {
	if e.held != nil && c.config.Gone(err) {
		c.gone(e)
		events = append(events, Event[V]{Action: Dropped, Name: e.name, Err: err})
	}
	c.fail(e, err)
	return events
}

func (c *Cache[V]) observe(event Event[V]) {
	if c.config.Observe != nil {
		c.config.Observe(event)
	}
}

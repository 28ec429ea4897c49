package cache

import (
	"context"
	"time"
)

// flight is one fetch, shared by all who wait for it. What it came to may be read
// once done is closed.
type flight[V any] struct {
	done       chan struct{}
	superseded bool // the value was stored by ourselves meanwhile: look again
	value      *V
	err        error
}

// ensureFlight begins a fetch unless one is under way.
func (c *Cache[V]) ensureFlight(e *entry[V], asked bool) {
	if e.flight != nil {
		return
	}
	e.flight = &flight[V]{done: make(chan struct{})}
	c.plan(e)
	if !asked {
		c.unasked++
	}
	c.work.Add(1)
	go c.fly(e, e.flight, e.held, asked)
}

// supersede lets the fetch under way end without effect.
func (c *Cache[V]) supersede(e *entry[V]) {
	if e.flight != nil {
		e.flight.superseded = true
		e.flight = nil
	}
}

func (c *Cache[V]) fly(e *entry[V], f *flight[V], held *V, asked bool) {
	defer c.work.Done()
	since := time.Now()
	ctx, cancel := context.WithTimeout(c.life, c.config.Limit)
	defer cancel()
	f.value, f.err = c.config.Fetch(ctx, e.name, held)
	event := Event[V]{Action: Refreshed, Name: e.name, Value: f.value, Err: f.err, Took: time.Since(since)}
	for _, said := range c.land(e, f, since, asked, event) {
		c.observe(said)
	}
}

// land makes what a fetch came to the entry's. It returns what there is to say.
func (c *Cache[V]) land(e *entry[V], f *flight[V], since time.Time, asked bool, event Event[V]) []Event[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	if !asked {
		c.unasked--
		c.dequeue()
	}
	if c.closed {
		f.value, f.err = nil, c.config.Closed
		return nil
	}
	if f.superseded {
		return nil
	}
	e.flight = nil
	if f.err == nil {
		c.show(e, f.value, since)
		return []Event[V]{event}
	}
	events := []Event[V]{event}
	if e.held != nil && c.config.Gone(f.err) {
		c.gone(e)
		events = append(events, Event[V]{Action: Dropped, Name: e.name, Err: f.err})
	}
	c.fail(e, f.err)
	return events
}

func (c *Cache[V]) observe(event Event[V]) {
	if c.config.Observe != nil {
		c.config.Observe(event)
	}
}

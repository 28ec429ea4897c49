package cache

import "context"

// Listener receives each new value of a name and the first failure after it. Listen
// creates one; call Stop in the end. Only one goroutine at a time may use it.
type Listener[V any] struct {
	cache   *Cache[V]
	entry   *entry[V]
	changed chan struct{} // signals that Next may have news

	lastValue   *V    // the last value that Next returned
	lastFailure error // the failure that Next returned, until it is over
}

// Listen refreshes name as long as there is a listener. It fetches the value now if it is
// not cached.
func (c *Cache[V]) Listen(name string) (*Listener[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, c.config.Closed
	}
	l := &Listener[V]{cache: c, entry: c.entry(name), changed: make(chan struct{}, 1)}
	if l.entry.listeners == nil {
		l.entry.listeners = make(map[chan struct{}]struct{}, 1)
	}
	l.entry.listeners[l.changed] = struct{}{}
	if l.entry.newest == nil && !l.entry.failureCached() {
		c.startFetch(l.entry, true)
	}
	return l, nil
}

// Next waits for the next value or failure. It returns the newest value and skips older
// ones. It returns a failure to fetch once, after any value that it has not returned yet.
// It returns ctx's error if ctx ends, and Config.Closed after Close.
func (l *Listener[V]) Next(ctx context.Context) (value *V, failure error, err error) {
	for {
		value, fetching, failure := l.pendingNews()
		if value != nil || failure != nil {
			return value, failure, nil
		}
		select {
		case <-l.changed:
		case <-fetching:
		case <-l.cache.ctx.Done():
			return nil, nil, l.cache.config.Closed
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// pendingNews returns what Next has not returned yet. If there is nothing yet, it may
// return the channel of the first fetch to wait for.
func (l *Listener[V]) pendingNews() (value *V, fetching <-chan struct{}, failure error) {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	e := l.entry
	served := e.current.Load() != nil
	switch {
	case e.newest == nil && e.fetch != nil && l.lastValue == nil && l.lastFailure == nil:
		return nil, e.fetch.done, nil // an earlier failure may be over
	case served && e.newest != l.lastValue:
		l.lastValue = e.newest
		if e.failure == nil {
			l.lastFailure = nil
		}
		return l.lastValue, nil, nil
	case e.failure != nil && (l.lastFailure == nil || l.cache.config.Gone(l.lastFailure) != l.cache.config.Gone(e.failure)):
		l.lastFailure = e.failure
		return nil, nil, l.lastFailure
	case served && e.failure == nil && l.lastFailure != nil:
		l.lastFailure = nil
		return l.lastValue, nil, nil
	}
	return nil, nil, nil
}

// Stop removes the listener.
func (l *Listener[V]) Stop() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	delete(l.entry.listeners, l.changed)
}

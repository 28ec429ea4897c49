package cache

import "context"

// Listener hears of every new value of a name and of its first failure. Make one
// with Listen and Stop it in the end. One goroutine at a time may use it.
type Listener[V any] struct {
	cache   *Cache[V]
	entry   *entry[V]
	changed chan struct{} // there may be news

	lastValue   *V    // what Next has told
	lastFailure error // and this, if it stands
}

// Listen begins to refresh name for as long as anybody listens, fetching it now
// if it is not at hand.
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

// Next is the next news: a value, the newest there is, or the failure to find out
// what is the newest, told once until that is known again. A value that was found
// before the failure comes first. It waits for news, for ctx, whose error it returns
// as err, or for the cache's end.
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

// news is what was not told yet, and noted as told. Without any it may be worth
// waiting for the first fetch.
func (l *Listener[V]) pendingNews() (value *V, fetching <-chan struct{}, failure error) {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	e := l.entry
	served := e.current.Load() != nil
	switch {
	case e.newest == nil && e.fetch != nil && l.lastValue == nil && l.lastFailure == nil:
		return nil, e.fetch.done, nil // what failed before it says nothing now
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

// Stop ends the listening.
func (l *Listener[V]) Stop() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	delete(l.entry.listeners, l.changed)
}

package cache

import "context"

// Listener hears of every new value of a name and of its first failure. Make one
// with Listen and Stop it in the end. One goroutine at a time may use it.
type Listener[V any] struct {
	cache *Cache[V]
	entry *entry[V]
	told  chan struct{} // there may be news

	value   *V    // what Next has told
	failure error // and this, if it stands
}

// Listen begins to refresh name for as long as anybody listens, fetching it now
// if it is not at hand.
func (c *Cache[V]) Listen(name string) (*Listener[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, c.config.Closed
	}
	l := &Listener[V]{cache: c, entry: c.entry(name), told: make(chan struct{}, 1)}
	if l.entry.listeners == nil {
		l.entry.listeners = make(map[chan struct{}]struct{}, 1)
	}
	l.entry.listeners[l.told] = struct{}{}
	if l.entry.held == nil && !l.entry.excusable() {
		c.ensureFlight(l.entry, true)
	}
	return l, nil
}

// Next is the next news: a value, the newest there is, or the failure to find out
// what is the newest, told once until that is known again. A value that was found
// before the failure comes first. It waits for news, for ctx, whose error it returns
// as err, or for the cache's end.
func (l *Listener[V]) Next(ctx context.Context) (value *V, failure error, err error) {
	for {
		value, fetching, failure := l.news()
		if value != nil || failure != nil {
			return value, failure, nil
		}
		select {
		case <-l.told:
		case <-fetching:
		case <-l.cache.life.Done():
			return nil, nil, l.cache.config.Closed
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// news is what was not told yet, and noted as told. Without any it may be worth
// waiting for the first fetch.
func (l *Listener[V]) news() (value *V, fetching <-chan struct{}, failure error) {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	e := l.entry
	served := e.shown.Load() != nil
	switch {
	case e.held == nil && e.flight != nil && l.value == nil && l.failure == nil:
		return nil, e.flight.done, nil // what failed before it says nothing now
	case served && e.held != l.value:
		l.value = e.held
		if e.failure == nil {
			l.failure = nil
		}
		return l.value, nil, nil
	case e.failure != nil && (l.failure == nil || l.cache.config.Gone(l.failure) != l.cache.config.Gone(e.failure)):
		l.failure = e.failure
		return nil, nil, l.failure
	case served && e.failure == nil && l.failure != nil:
		l.failure = nil
		return l.value, nil, nil
	}
	return nil, nil, nil
}

// Stop ends the listening.
func (l *Listener[V]) Stop() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	delete(l.entry.listeners, l.told)
}

package cache

import "context"

// Listener hears of every new value of a name and of its first failure. Make one
// with Listen and Stop it in the end.
type Listener[V any] struct {
	cache *Cache[V]
	entry *entry[V]
	told  chan struct{}
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
	if l.entry.held == nil && l.entry.failure == nil {
		c.ensureFlight(l.entry, true)
	}
	return l, nil
}

// Next is the newest value and the failure to find out whether it still is, once
// either is another than last. It waits for that, for ctx, whose error it returns,
// or for the cache's end.
func (l *Listener[V]) Next(ctx context.Context, last *V, lastFailure error) (value *V, failure error, err error) {
	for {
		value, failure, closed := l.present()
		switch {
		case closed:
			return nil, nil, l.cache.config.Closed
		case value != last || (failure == nil) != (lastFailure == nil):
			return value, failure, nil
		case failure != nil && l.cache.config.Gone(failure) != l.cache.config.Gone(lastFailure):
			return value, failure, nil
		}
		select {
		case <-l.told:
		case <-l.cache.life.Done():
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (l *Listener[V]) present() (value *V, failure error, closed bool) {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	return l.entry.held, l.entry.failure, l.cache.closed
}

// Stop ends the listening.
func (l *Listener[V]) Stop() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	delete(l.entry.listeners, l.told)
}

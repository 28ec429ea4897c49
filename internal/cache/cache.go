// Package cache keeps the newest value of each name in memory. Readers load a value
// without a lock, a call or a look at the clock. One goroutine replaces the values before
// they expire.
//
// A value is refreshed at a random time before its TTL ends, as long as somebody reads it
// or listens to it. If refreshing fails, the value is served for another MaxStale, read or
// not. If its source says that the value no longer exists, it is removed at once.
//
// The library has only three dependencies. That is why the cache shares and limits its
// fetches with its own code.
package cache

import (
	"context"
	"sync"
	"time"
)

// Cache holds the values. Its methods are safe for concurrent use.
type Cache[V any] struct {
	config  Config[V]
	entries index[V]
	wake    chan struct{}

	ctx        context.Context // canceled by Close; the refresher and fetches use it
	cancel     context.CancelFunc
	background sync.WaitGroup

	mu                sync.Mutex // guards the fields below and the entries; never held during a fetch
	closed            bool
	running           bool        // the refresher runs
	backgroundFetches int         // running fetches that no caller is waiting for
	waiting           []*entry[V] // entries to fetch once backgroundFetches is below its limit
	queue             refreshQueue[V]
}

// New returns an empty cache. It starts no goroutine until there is a value to refresh.
func New[V any](config Config[V]) *Cache[V] {
	c := &Cache[V]{config: config, wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return c
}

// Load returns the cached value or nil. It takes no lock and allocates nothing, except in
// the first reads of a name; see index.
func (c *Cache[V]) Load(name string) *V {
	e := c.entries.lookup(name)
	if e == nil {
		if e = c.lookupSlow(name); e == nil {
			return nil
		}
	}
	// Storing only if needed keeps the CPUs from competing for the cache line.
	if !e.recentlyRead.Load() {
		e.recentlyRead.Store(true)
	}
	return e.current.Load()
}

func (c *Cache[V]) lookupSlow(name string) *entry[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.lookupSlow(name)
}

// Get returns the cached value, or fetches it. Concurrent callers share one fetch. If ctx
// ends first, Get returns its error.
func (c *Cache[V]) Get(ctx context.Context, name string) (*V, error) {
	for {
		if value := c.Load(name); value != nil {
			return value, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		running, failure := c.joinFetch(name)
		if failure != nil {
			return nil, failure
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !running.superseded { // otherwise a newer value is cached or being fetched
			return running.value, running.err
		}
	}
}

// joinFetch returns the running fetch of a value, and starts one if there is none. It
// returns an error if the last fetch has just failed.
func (c *Cache[V]) joinFetch(name string) (*fetch[V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, c.config.Closed
	}
	e := c.entry(name)
	e.recentlyRead.Store(true)
	if e.fetch == nil && e.failureCached() {
		return nil, e.failure
	}
	c.startFetch(e, true)
	return e.fetch, nil
}

// Keep makes the cache refresh name even if nobody reads it.
func (c *Cache[V]) Keep(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.entry(name).keepers++
	}
}

// Put caches a value that the caller has just stored. A running fetch is discarded,
// because it may have read an older value.
func (c *Cache[V]) Put(name string, value *V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(name)
	if e == nil {
		return
	}
	c.supersede(e)
	overtaken := e.newest != nil && c.config.Newer(e.newest, value)
	if overtaken || e.failure != nil && c.config.Gone(e.failure) { // replaced or deleted by another writer
		c.startFetch(e, true)
		return
	}
	c.setValue(e, value, time.Now())
}

// Refresh starts to fetch a value, because another writer may have replaced it. Until then
// readers get the cached value.
func (c *Cache[V]) Refresh(name string) { c.restartFetch(name) }

// Renew refreshes a value and returns when readers get the result, or when ctx ends.
func (c *Cache[V]) Renew(ctx context.Context, name string) {
	for running := c.restartFetch(name); running != nil; running = c.currentFetch(name) {
		select {
		case <-running.done:
		case <-ctx.Done():
			return
		}
		if !running.superseded {
			return
		}
	}
}

// restartFetch starts a fetch. It discards a running one, which may have read an older
// value. It returns nil if the cache has no such name.
func (c *Cache[V]) restartFetch(name string) *fetch[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(name)
	if e == nil {
		return nil
	}
	c.supersede(e)
	c.startFetch(e, true)
	return e.fetch
}

// currentFetch returns the running fetch or nil.
func (c *Cache[V]) currentFetch(name string) *fetch[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.find(name); e != nil {
		return e.fetch
	}
	return nil
}

// Close removes every value and stops the cache's goroutines. It waits until they have
// ended.
func (c *Cache[V]) Close() {
	c.mu.Lock()
	c.closed = true
	for _, e := range c.queue {
		e.current.Store(nil)
		e.notify()
	}
	c.queue, c.waiting = nil, nil
	c.entries.clear()
	c.mu.Unlock()
	c.cancel()
	c.background.Wait()
}

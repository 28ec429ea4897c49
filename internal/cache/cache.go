// Package cache keeps the newest value of each name at hand: readers load it
// without a lock, a call or a look at the clock, and one goroutine sees to it
// that what they load is fresh, by swapping it.
//
// A value is fetched again, at a random moment ahead of its TTL, as long as
// somebody reads or watches it. Where that fails, it is served for MaxStale
// longer, read or not. A definite answer that there is no such value ends it at
// once.
package cache

import (
	"context"
	"sync"
	"time"

	"goblin/vaultkit/internal/backoff"
)

// Config is what a cache is made of.
type Config[V any] struct {
	// TTL is the age at which a value is stale; it is fetched again before.
	TTL time.Duration
	// MaxStale is how long a stale value is served while fetching fails; Forever is
	// for as long as it does.
	MaxStale time.Duration
	// Fetch reads the newest value. held is the one at hand, or nil: it is to be
	// returned, the same pointer, if it is still the newest. It has to end with ctx.
	Fetch func(ctx context.Context, name string, held *V) (*V, error)
	// Limit bounds one Fetch, whose context's cause is Overdue then, if not nil.
	FetchTimeout time.Duration
	TimeoutCause error
	// Gone tells an error that says there is no such value from one that says
	// nothing about it.
	Gone func(error) bool
	// Newer reports that a was stored after b, as far as clocks can be trusted.
	Newer func(a, b *V) bool
	// Behind reports that a is an answer of a server that does not know b yet.
	Behind func(a, b *V) bool
	// Observe, if not nil, hears what happens. It must not block.
	Observe func(Event[V])
	// Closed is the error of a cache that was closed.
	Closed error
	// Backoff paces the fetches of a value that fail.
	Backoff backoff.Backoff
}

// Forever is a MaxStale without an end.
const Forever time.Duration = -1

// Action is what happened to a name.
type Action int

// The actions.
const (
	Refreshed Action = iota // fetched again, or failed to be
	WentStale               // its value is older than TTL, and served all the same
	Dropped                 // its value is older than MaxStale allows, or gone
)

// Event is one thing that happened.
type Event[V any] struct {
	Action Action
	Name   string
	Value  *V    // the newest one known; nil if there is none
	Err    error // why it could not be fetched
	Took   time.Duration
}

const (
	// moment is how long a failure stands for an answer: long enough that a crowd
	// of readers makes one request, short enough that nobody waits for it to pass.
	failureTTL = time.Second
	// together is how many values are fetched at once for nobody's sake.
	maxBackgroundFetches = 8
)

// Cache holds the values. Its methods may be called concurrently.
type Cache[V any] struct {
	config  Config[V]
	entries index[V]
	wake    chan struct{}

	ctx        context.Context // ends with Close: refresher and fetches run running it
	cancel     context.CancelFunc
	background sync.WaitGroup

	mu                sync.Mutex // guards what follows and the entries; never held over a fetch
	closed            bool
	running           bool        // the refresher
	backgroundFetches int         // fetches running way for nobody's sake
	waiting           []*entry[V] // to be fetched when there are fewer of those
	queue             refreshQueue[V]
}

// New is an empty cache. It runs nothing until there is something to refresh.
func New[V any](config Config[V]) *Cache[V] {
	c := &Cache[V]{config: config, wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return c
}

// Load is the value at hand, or nil. It takes no lock and allocates nothing, but for
// the first reads of a name; see index.
func (c *Cache[V]) Load(name string) *V {
	e := c.entries.lookup(name)
	if e == nil {
		if e = c.lookupSlow(name); e == nil {
			return nil
		}
	}
	// Looked at first: a line of memory that nobody writes is everybody's.
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

// Get is Load, and fetches what is not at hand: once, for all who ask for it. It
// blocks until that is done or ctx ends, whose error it returns then.
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
		if !running.superseded { // else something newer is at hand, or on its way
			return running.value, running.err
		}
	}
}

// join is the fetch of a value that is not at hand, begun now unless it is running
// way, or the failure of one a moment ago.
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

// Keep makes name one that is refreshed whether or not anybody reads it.
func (c *Cache[V]) Keep(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.entry(name).keepers++
	}
}

// Put shows a value that was just stored by ourselves. A fetch running way may have
// seen less and does not count any more.
func (c *Cache[V]) Put(name string, value *V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(name)
	if e == nil {
		return
	}
	c.supersede(e)
	overtaken := e.newest != nil && c.config.Newer(e.newest, value)
	if overtaken || e.failure != nil && c.config.Gone(e.failure) { // by whoever deleted it
		c.startFetch(e, true)
		return
	}
	c.setValue(e, value, time.Now())
}

// Refresh begins to fetch a value again: somebody may have stored another. Readers
// get the value at hand until that is done.
func (c *Cache[V]) Refresh(name string) { c.restartFetch(name) }

// Renew is Refresh, and blocks until readers get what was found, or ctx ends.
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

// refetch begins a fetch, whatever is running way already: that may have seen less.
// It is nil for what nobody has asked for.
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

// underWay is the fetch running way, or nil.
func (c *Cache[V]) currentFetch(name string) *fetch[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.find(name); e != nil {
		return e.fetch
	}
	return nil
}

// Close drops every value and ends what runs. It waits for that.
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

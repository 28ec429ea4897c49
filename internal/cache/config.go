package cache

import (
	"context"
	"time"

	"goblin/vaultkit/internal/backoff"
)

// Config holds the settings of a cache.
type Config[V any] struct {
	// TTL is the age at which a value becomes stale. It is refreshed earlier.
	TTL time.Duration
	// MaxStale limits how long a stale value is served while fetching fails. Forever
	// means no limit.
	MaxStale time.Duration
	// Fetch reads the newest value. previous is the cached value or nil. Fetch returns
	// the same pointer if that is still the newest value. It must return when ctx ends.
	Fetch func(ctx context.Context, name string, previous *V) (*V, error)
	// FetchTimeout limits each Fetch. TimeoutCause, if not nil, becomes the cause of the
	// context's end.
	FetchTimeout time.Duration
	TimeoutCause error
	// Gone reports whether an error means that the value does not exist.
	Gone func(error) bool
	// Newer reports whether a was stored after b, as far as clocks can be trusted.
	Newer func(a, b *V) bool
	// Behind reports whether a came from a server that has not yet seen b.
	Behind func(a, b *V) bool
	// Observe, if not nil, is called with each event. It must not block.
	Observe func(Event[V])
	// Closed is the error returned after Close.
	Closed error
	// Backoff sets the pauses between failed fetches of a value.
	Backoff backoff.Backoff
}

// Forever is a MaxStale without a limit.
const Forever time.Duration = -1

// Action is the kind of an event.
type Action int

// Actions.
const (
	Refreshed Action = iota // the value was fetched, or the fetch failed
	WentStale               // the value is older than TTL and still served
	Dropped                 // the value is too old to be served, or no longer exists
)

// Event describes a change of a value or a failed fetch.
type Event[V any] struct {
	Action Action
	Name   string
	Value  *V    // the newest known value, or nil
	Err    error // why the last fetch failed
	Took   time.Duration
}

const (
	// failureTTL is how long readers get a failed fetch's error. It is long enough that
	// many readers cause one fetch, and short enough that no reader needs to wait for its end.
	failureTTL = time.Second
	// maxBackgroundFetches limits concurrent refreshes that no caller is waiting for.
	maxBackgroundFetches = 8
)

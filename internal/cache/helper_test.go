package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/internal/backoff"
)

const (
	ttl          = time.Minute
	maxStale     = time.Hour
	fetchTimeout = 15 * time.Second
)

var (
	errDown   = errors.New("down")
	errGone   = errors.New("gone")
	errClosed = errors.New("closed")
)

type number struct{ version int }

// origin is the source of values. A test sets its response.
type origin struct {
	mu      sync.Mutex
	value   *number
	err     error
	hang    bool // fetches wait until their context ends
	hanging int
	latency time.Duration
	fetches []time.Time
	events  []Event[number]
}

func (o *origin) fetch(ctx context.Context, _ string, previous *number) (*number, error) {
	o.mu.Lock()
	value, err, hang, took := o.value, o.err, o.hang, o.latency
	o.fetches = append(o.fetches, time.Now())
	o.mu.Unlock()
	if hang {
		o.addHanging(+1)
		<-ctx.Done()
		o.addHanging(-1)
		return nil, errDown
	}
	if took > 0 {
		time.Sleep(took) // with the fake clock
	}
	if err == nil && previous != nil && *previous == *value {
		return previous, nil
	}
	return value, err
}

func (o *origin) observe(event Event[number]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, event)
}

func (o *origin) setResponse(version int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.value, o.err, o.hang = &number{version}, err, false
}

func (o *origin) setLatency(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.latency = d
}

func (o *origin) addHanging(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hanging += n
}

func (o *origin) hangFetches() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hang = true
}

func (o *origin) fetchCount() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.fetches)
}

// eventCount returns the number of events with the action.
func (o *origin) eventCount(action Action) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, event := range o.events {
		if event.Action == action {
			n++
		}
	}
	return n
}

// inBubble runs a test with a fake clock.
func inBubble(t *testing.T, run func(t *testing.T, o *origin, c *Cache[number])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &origin{value: &number{1}}
		c := New(Config[number]{
			TTL: ttl, MaxStale: maxStale, FetchTimeout: fetchTimeout, Fetch: o.fetch, Observe: o.observe, Closed: errClosed,
			Gone:    func(err error) bool { return errors.Is(err, errGone) },
			Newer:   func(a, b *number) bool { return a.version > b.version },
			Behind:  func(a, b *number) bool { return a.version < b.version },
			Backoff: backoff.Backoff{Min: time.Second, Max: fetchTimeout},
		})
		defer c.Close()
		run(t, o, c)
	})
}

// advance advances the clock and runs everything that is due.
func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func get(t *testing.T, c *Cache[number], want int) {
	t.Helper()
	value, err := c.Get(t.Context(), "a")
	if err != nil || value.version != want {
		t.Fatalf("Get = %v, %v, want version %d", value, err, want)
	}
}

func getFails(t *testing.T, c *Cache[number], want error) {
	t.Helper()
	if value, err := c.Get(t.Context(), "a"); !errors.Is(err, want) {
		t.Fatalf("Get = %v, %v, want %v", value, err, want)
	}
}

// readFor reads every second and expects a value each time.
func readFor(t *testing.T, c *Cache[number], d time.Duration) {
	t.Helper()
	readEvery(t, c, time.Second, d)
}

func readEvery(t *testing.T, c *Cache[number], pause, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); advance(pause) {
		if c.Load("a") == nil {
			t.Fatalf("Load = nil %v before the end, want a value", time.Until(end))
		}
	}
}

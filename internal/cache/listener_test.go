package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// heard is what a listener is told, one line per call of Next.
type notification struct {
	version int
	failure error
}

func forwardNews(ctx context.Context, t *testing.T, c *Cache[number], into chan<- notification) error {
	t.Helper()
	l, err := c.Listen("a")
	if err != nil {
		return err
	}
	defer l.Stop()
	for {
		value, failure, err := l.Next(ctx)
		if err != nil {
			return err
		}
		news := notification{failure: failure}
		if value != nil {
			news.version = value.version
		}
		into <- news
	}
}

func TestListen(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan notification, 100)
		var listener sync.WaitGroup
		listener.Go(func() {
			if err := forwardNews(ctx, t, c, told); !errors.Is(err, context.Canceled) {
				t.Errorf("the listener ended with %v", err)
			}
		})
		for _, step := range []struct {
			version int
			err     error
			want    []notification
		}{
			{1, nil, []notification{{1, nil}}},
			{1, nil, nil},
			{2, nil, []notification{{2, nil}}},
			{0, errDown, []notification{{0, errDown}}},
			{0, errDown, nil},
			{2, nil, []notification{{2, nil}}},
			{0, errGone, []notification{{0, errGone}}},
			{0, errDown, []notification{{0, errDown}}},
			{3, nil, []notification{{3, nil}}},
		} {
			o.setResponse(step.version, step.err)
			advance(ttl + fetchTimeout)
			for _, want := range step.want {
				select {
				case got := <-told:
					if got != want {
						t.Fatalf("told %v, want %v", got, want)
					}
				default:
					t.Fatalf("not told %v", want)
				}
			}
			if len(told) != 0 {
				t.Fatalf("told %v as well", <-told)
			}
		}
		cancel()
		listener.Wait()
		advance(3 * ttl)
		if c.find("a") != nil {
			t.Error("refreshed still, with nobody listening")
		}
	})
}

func TestOnePollerForAllListeners(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		told := make(chan notification, 100)
		var listeners sync.WaitGroup
		for range 50 {
			listeners.Go(func() {
				if err := forwardNews(t.Context(), t, c, told); !errors.Is(err, errClosed) {
					t.Errorf("a listener ended with %v", err)
				}
			})
		}
		advance(ttl / 2)
		if len(told) != 50 || o.fetchCount() != 1 {
			t.Errorf("%d told by %d fetches", len(told), o.fetchCount())
		}
		o.setResponse(2, nil)
		advance(ttl)
		if len(told) != 100 || o.fetchCount() > 3 {
			t.Errorf("%d told by %d fetches", len(told), o.fetchCount())
		}
		c.Close()
		listeners.Wait()
	})
}

// Whoever is slow gets the newest value, not each.
func TestSlowListener(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		l, err := c.Listen("a")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Stop()
		synctest.Wait()
		for version := 2; version < 9; version++ {
			o.setResponse(version, nil)
			c.Refresh("a")
			advance(time.Millisecond)
		}
		value, _, err := l.Next(t.Context())
		if err != nil || value.version != 8 {
			t.Errorf("Next = %v, %v", value, err)
		}
	})
}

// A value too old to be served is still the one that listeners know, and no news to
// those who come later.
func TestListenerThroughOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		early := newListener(t, c, "a")
		first := early.want(1, nil)
		o.setResponse(0, errDown)
		advance(ttl + maxStale + time.Second)
		if c.Load("a") != nil {
			t.Error("served still")
		}
		early.want(0, errDown)
		late := newListener(t, c, "a")
		late.want(0, errDown)
		o.setResponse(1, nil)
		if again := early.want(1, nil); again != first {
			t.Error("another value, and nothing has changed")
		}
		late.want(1, nil)
	})
}

// What is at hand is told first, though it cannot be refreshed now: to whoever
// begins to listen, and to whoever was busy when it came.
func TestListenersAreServedInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		busy := newListener(t, c, "a")
		busy.want(1, nil)
		o.setResponse(2, nil)
		c.Renew(t.Context(), "a")
		o.setResponse(0, errDown)
		c.Renew(t.Context(), "a")
		begins := newListener(t, c, "a")
		for _, l := range []*testListener{busy, begins} {
			l.want(2, nil)
			l.want(0, errDown)
		}
		c.Put("a", &number{3})
		for _, l := range []*testListener{busy, begins} {
			l.want(3, nil)
		}
	})
}

// A failure of a while ago is not passed off as what is known now.
func TestListenerAsksAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Keep("a") // remembered, as what nobody keeps is not
		o.setResponse(0, errGone)
		getFails(t, c, errGone)
		o.setResponse(1, nil)
		o.setLatency(time.Second)
		newListener(t, c, "a").want(0, errGone) // of this very moment
		advance(failureTTL)
		newListener(t, c, "a").want(1, nil)
	})
}

// ear listens as a test wants it to.
type testListener struct {
	*Listener[number]
	t *testing.T
}

func newListener(t *testing.T, c *Cache[number], name string) *testListener {
	t.Helper()
	l, err := c.Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	return &testListener{l, t}
}

// tells holds the next news against a version, or a failure.
func (e *testListener) want(version int, want error) *number {
	e.t.Helper()
	value, failure, err := e.Next(e.t.Context())
	got := 0
	if value != nil {
		got = value.version
	}
	if got != version || failure != want || err != nil { //nolint:errorlint // the very one
		e.t.Fatalf("told version %d, %v, %v, want %d, %v", got, failure, err, version, want)
	}
	return value
}

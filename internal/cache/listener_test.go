package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// notification is what a call of Next returned.
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

func TestListener_GetsValuesAndFailures(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan notification, 100)
		var listener sync.WaitGroup
		listener.Go(func() {
			if err := forwardNews(ctx, t, c, told); !errors.Is(err, context.Canceled) {
				t.Errorf("Next = %v, want Canceled", err)
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
						t.Fatalf("Next = %v, want %v", got, want)
					}
				default:
					t.Fatalf("Next has returned nothing yet, want %v", want)
				}
			}
			if len(told) != 0 {
				t.Fatalf("Next = %v, want no more news", <-told)
			}
		}
		cancel()
		listener.Wait()
		advance(3 * ttl)
		if c.find("a") != nil {
			t.Error("the name is still cached without a listener, want it forgotten")
		}
	})
}

func TestListener_AllShareAFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		told := make(chan notification, 100)
		var listeners sync.WaitGroup
		for range 50 {
			listeners.Go(func() {
				if err := forwardNews(t.Context(), t, c, told); !errors.Is(err, errClosed) {
					t.Errorf("Next = %v, want the Closed error", err)
				}
			})
		}
		advance(ttl / 2)
		if len(told) != 50 || o.fetchCount() != 1 {
			t.Errorf("%d listeners got a value from %d fetches, want 50 from 1", len(told), o.fetchCount())
		}
		o.setResponse(2, nil)
		advance(ttl)
		if len(told) != 100 || o.fetchCount() > 3 {
			t.Errorf("%d values from %d fetches in all, want 100 from at most 3", len(told), o.fetchCount())
		}
		c.Close()
		listeners.Wait()
	})
}

func TestListener_SlowOneGetsTheNewestValue(t *testing.T) {
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
			t.Errorf("Next = %v, %v, want version 8", value, err)
		}
	})
}

// TestListener_ValueTooOldToServe checks that listeners do not get the same value again
// after an outage, and that a new listener does not get it during one.
func TestListener_ValueTooOldToServe(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		early := newListener(t, c, "a")
		first := early.want(1, nil)
		o.setResponse(0, errDown)
		advance(ttl + maxStale + time.Second)
		if c.Load("a") != nil {
			t.Error("Load after TTL and MaxStale is not nil, want nil")
		}
		early.want(0, errDown)
		late := newListener(t, c, "a")
		late.want(0, errDown)
		o.setResponse(1, nil)
		if again := early.want(1, nil); again != first {
			t.Error("Next after the outage returns another pointer, want the same value")
		}
		late.want(1, nil)
	})
}

// TestListener_GetsTheValueBeforeTheFailure checks a listener that starts during an
// outage, and one that did not call Next before it.
func TestListener_GetsTheValueBeforeTheFailure(t *testing.T) {
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

func TestListener_DoesNotGetAnOldFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Keep("a") // so that the failure is not forgotten
		o.setResponse(0, errGone)
		getFails(t, c, errGone)
		o.setResponse(1, nil)
		o.setLatency(time.Second)
		newListener(t, c, "a").want(0, errGone) // of this very moment
		advance(failureTTL)
		newListener(t, c, "a").want(1, nil)
	})
}

// testListener checks what Next returns.
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

// want compares the next news with a version or a failure.
func (e *testListener) want(version int, want error) *number {
	e.t.Helper()
	value, failure, err := e.Next(e.t.Context())
	got := 0
	if value != nil {
		got = value.version
	}
	if got != version || failure != want || err != nil { //nolint:errorlint // the very one
		e.t.Fatalf("Next = version %d, %v, %v, want %d, %v", got, failure, err, version, want)
	}
	return value
}

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
type heard struct {
	version int
	failure error
}

func listen(ctx context.Context, t *testing.T, c *Cache[number], into chan<- heard) error {
	t.Helper()
	l, err := c.Listen("a")
	if err != nil {
		return err
	}
	defer l.Stop()
	var last *number
	var failure error
	for {
		if last, failure, err = l.Next(ctx, last, failure); err != nil {
			return err
		}
		news := heard{failure: failure}
		if last != nil {
			news.version = last.version
		}
		into <- news
	}
}

func TestListen(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan heard, 100)
		var listener sync.WaitGroup
		listener.Go(func() {
			if err := listen(ctx, t, c, told); !errors.Is(err, context.Canceled) {
				t.Errorf("the listener ended with %v", err)
			}
		})
		for _, step := range []struct {
			version int
			err     error
			want    []heard
		}{
			{1, nil, []heard{{1, nil}}},
			{1, nil, nil},
			{2, nil, []heard{{2, nil}}},
			{0, errDown, []heard{{2, errDown}}},
			{0, errDown, nil},
			{2, nil, []heard{{2, nil}}},
			{0, errGone, []heard{{0, errGone}}},
			{0, errDown, []heard{{0, errDown}}},
			{3, nil, []heard{{3, nil}}},
		} {
			o.answer(step.version, step.err)
			pass(ttl + limit)
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
		pass(3 * ttl)
		if c.known("a") != nil {
			t.Error("refreshed still, with nobody listening")
		}
	})
}

func TestOnePollerForAllListeners(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		told := make(chan heard, 100)
		var listeners sync.WaitGroup
		for range 50 {
			listeners.Go(func() {
				if err := listen(t.Context(), t, c, told); !errors.Is(err, errClosed) {
					t.Errorf("a listener ended with %v", err)
				}
			})
		}
		pass(ttl / 2)
		if len(told) != 50 || o.asked() != 1 {
			t.Errorf("%d told by %d fetches", len(told), o.asked())
		}
		o.answer(2, nil)
		pass(ttl)
		if len(told) != 100 || o.asked() > 3 {
			t.Errorf("%d told by %d fetches", len(told), o.asked())
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
			o.answer(version, nil)
			c.Refresh("a")
			pass(time.Millisecond)
		}
		value, _, err := l.Next(t.Context(), nil, nil)
		if err != nil || value.version != 8 {
			t.Errorf("Next = %v, %v", value, err)
		}
	})
}

// A value too old to be served is still the one that listeners know.
func TestListenerThroughOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		l, err := c.Listen("a")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Stop()
		first, _, err := l.Next(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.answer(0, errDown)
		pass(ttl + maxStale + time.Second)
		if c.Load("a") != nil {
			t.Error("served still")
		}
		value, failure, err := l.Next(t.Context(), first, nil)
		if value != first || !errors.Is(failure, errDown) || err != nil {
			t.Errorf("Next = %v, %v, %v", value, failure, err)
		}
		o.answer(1, nil)
		if value, failure, err = l.Next(t.Context(), first, failure); value != first || failure != nil || err != nil {
			t.Errorf("Next = %v, %v, %v", value, failure, err)
		}
	})
}

package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneFetchForACrowd(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.setLatency(time.Second)
		var crowd sync.WaitGroup
		for range 1000 {
			crowd.Go(func() { get(t, c, 1) })
		}
		crowd.Wait()
		if o.fetchCount() != 1 {
			t.Errorf("%d fetches", o.fetchCount())
		}
	})
}

func TestRefreshAheadOfExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		start := time.Now()
		get(t, c, 1)
		readFor(t, c, 10*ttl)
		if n := o.fetchCount(); n < 11 || n > 17 {
			t.Errorf("%d fetches in 10 TTLs, want one per 0.6 to 0.9 of it", n)
		}
		distinct := map[time.Duration]bool{}
		for i, at := range o.fetches {
			if i > 0 {
				start = o.fetches[i-1]
			}
			if pause := at.Sub(start); i > 0 && (pause < ttl*6/10 || pause > ttl*9/10) {
				t.Errorf("fetched after %v", pause)
			} else {
				distinct[pause] = true
			}
		}
		if len(distinct) < 5 {
			t.Error("the pauses are not random")
		}
		if o.eventCount(WentStale) != 0 || o.eventCount(Refreshed) != o.fetchCount() {
			t.Errorf("events %v", o.events)
		}
	})
}

func TestNewValueWithinTTL(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setResponse(2, nil)
		readFor(t, c, ttl)
		get(t, c, 2)
	})
}

func TestGone(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setResponse(0, errGone)
		advance(ttl)
		getFails(t, c, errGone)
		if o.eventCount(Dropped) != 1 {
			t.Errorf("events %v", o.events)
		}
	})
}

func TestFailureForAMomentOnly(t *testing.T) {
	for _, failure := range []error{errGone, errDown} {
		t.Run(failure.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
				o.setResponse(0, failure)
				for range 100 {
					getFails(t, c, failure)
				}
				if o.fetchCount() != 1 {
					t.Errorf("%d fetches for 100 readers", o.fetchCount())
				}
				o.setResponse(1, nil)
				advance(failureTTL)
				get(t, c, 1)
			})
		})
	}
}

func TestPut(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Put("a", &number{7}) // nobody has asked for it
		get(t, c, 1)
		c.Put("a", &number{2})
		get(t, c, 2)
		o.setResponse(3, nil)
		c.Refresh("a")
		synctest.Wait()
		get(t, c, 3)
		c.Put("a", &number{2}) // a rival was first
		synctest.Wait()
		get(t, c, 3)
		o.setResponse(0, errGone)
		c.Refresh("a")
		synctest.Wait()
		c.Put("a", &number{4}) // and deleted it
		getFails(t, c, errGone)
	})
}

func TestPutOverFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setLatency(time.Second)
		c.Refresh("a") // sees version 1, late
		synctest.Wait()
		c.Put("a", &number{2})
		advance(2 * time.Second)
		get(t, c, 2)
	})
}

// Whoever waits for a fetch that hangs is not kept from what is at hand since.
func TestPutOverHangingFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.hangFetches()
		began := time.Now()
		var reader sync.WaitGroup
		reader.Go(func() { get(t, c, 2) })
		advance(time.Second)
		c.Put("a", &number{2})
		synctest.Wait()
		if o.hanging != 0 {
			t.Error("it hangs still")
		}
		reader.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRefreshOverFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.setLatency(time.Second)
		var reader sync.WaitGroup
		reader.Go(func() { get(t, c, 2) }) // and not what the first fetch saw
		advance(time.Millisecond)
		o.setResponse(2, nil)
		c.Refresh("a")
		reader.Wait()
	})
}

// Renew returns when readers get what it found, though another one comes in between.
func TestRenew(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Renew(t.Context(), "a") // nobody has asked for it
		get(t, c, 1)
		o.setLatency(time.Second)
		o.setResponse(2, nil)
		var renewing sync.WaitGroup
		renewing.Go(func() {
			c.Renew(t.Context(), "a")
			if value := c.Load("a"); value == nil || value.version != 2 {
				t.Errorf("%v is read", value)
			}
		})
		advance(time.Second / 2)
		c.Refresh("a")
		renewing.Wait()
		o.hangFetches()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.Renew(ctx, "a")
		if ctx.Err() == nil {
			t.Error("it did not wait")
		}
	})
}

// A server that lags behind does not bring an old value back, unless it insists.
func TestOlderAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		c.Put("a", &number{2})
		put, before := time.Now(), o.fetchCount()
		for c.Load("a").version == 2 {
			advance(time.Second)
		}
		if lasted := time.Since(put); lasted < ttl || lasted > ttl+fetchTimeout {
			t.Errorf("believed after %v", lasted)
		}
		if n := o.fetchCount() - before; n < 3 || n > 30 {
			t.Errorf("%d fetches meanwhile", n)
		}
		get(t, c, 1)
		c.Put("a", &number{3})
		advance(ttl * 95 / 100) // old answers, and then the right one
		o.setResponse(3, nil)
		readEvery(t, c, time.Second, 3*ttl)
		get(t, c, 3)
	})
}

func TestForgottenWhenUnread(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		advance(3 * ttl)
		if c.find("a") != nil || o.fetchCount() > 3 || len(c.queue) != 0 {
			t.Errorf("still kept after %d fetches", o.fetchCount())
		}
		if o.eventCount(WentStale) != 0 {
			t.Errorf("events %v", o.events)
		}
	})
}

// Names that do not exist are forgotten at once, are not asked for again, and keep no
// hand from those that do.
func TestAbsentNames(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		const many = 20_000
		get(t, c, 1)
		c.Keep("a")
		o.setResponse(0, errGone)
		for i := range many {
			if _, err := c.Get(t.Context(), fmt.Sprint(i)); !errors.Is(err, errGone) {
				t.Fatal(err)
			}
		}
		o.setLatency(100 * time.Millisecond)
		o.setResponse(2, nil)
		advance(2 * failureTTL)
		if len(c.queue) != 1 || o.fetchCount() != many+1 {
			t.Errorf("%d names are kept, after %d fetches", len(c.queue), o.fetchCount())
		}
		advance(ttl)
		get(t, c, 2)
	})
}

func TestKept(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Keep("a")
		get(t, c, 1)
		advance(10 * ttl)
		if c.Load("a") == nil || o.fetchCount() < 10 {
			t.Errorf("%d fetches", o.fetchCount())
		}
	})
}

func TestCallerLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.setLatency(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v", err)
		}
		get(t, c, 1) // by the fetch that the other one left behind
		if o.fetchCount() != 1 {
			t.Errorf("%d fetches", o.fetchCount())
		}
	})
}

// The bubble fails if anything is left running.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.hangFetches()
		c.Refresh("a")
		var reader sync.WaitGroup
		reader.Go(func() {
			if _, err := c.Get(t.Context(), "b"); !errors.Is(err, errClosed) {
				t.Errorf("a reader under way got %v", err)
			}
		})
		synctest.Wait()
		c.Close()
		reader.Wait()
		getFails(t, c, errClosed)
		c.Keep("a")
		c.Put("a", &number{2})
		c.Refresh("a")
		if _, err := c.Listen("a"); !errors.Is(err, errClosed) || c.Load("a") != nil {
			t.Errorf("Listen = %v, Load = %v after Close", err, c.Load("a"))
		}
	})
}

func TestLoadAllocatesNothing(t *testing.T) {
	c := New(Config[number]{TTL: ttl, FetchTimeout: fetchTimeout, Fetch: (&origin{value: &number{1}}).fetch})
	defer c.Close()
	get(t, c, 1)
	if n := testing.AllocsPerRun(100, func() { c.Load("a") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

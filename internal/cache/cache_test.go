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
		o.takes(time.Second)
		var crowd sync.WaitGroup
		for range 1000 {
			crowd.Go(func() { get(t, c, 1) })
		}
		crowd.Wait()
		if o.asked() != 1 {
			t.Errorf("%d fetches", o.asked())
		}
	})
}

func TestRefreshAheadOfExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		start := time.Now()
		get(t, c, 1)
		readFor(t, c, 10*ttl)
		if n := o.asked(); n < 11 || n > 17 {
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
		if o.said(Staled) != 0 || o.said(Refreshed) != o.asked() {
			t.Errorf("events %v", o.events)
		}
	})
}

func TestNewValueWithinTTL(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.answer(2, nil)
		readFor(t, c, ttl)
		get(t, c, 2)
	})
}

func TestGone(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.answer(0, errGone)
		pass(ttl)
		fails(t, c, errGone)
		if o.said(Dropped) != 1 {
			t.Errorf("events %v", o.events)
		}
	})
}

func TestFailureForAMomentOnly(t *testing.T) {
	for _, failure := range []error{errGone, errDown} {
		t.Run(failure.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
				o.answer(0, failure)
				for range 100 {
					fails(t, c, failure)
				}
				if o.asked() != 1 {
					t.Errorf("%d fetches for 100 readers", o.asked())
				}
				o.answer(1, nil)
				pass(moment)
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
		o.answer(3, nil)
		c.Refresh("a")
		synctest.Wait()
		get(t, c, 3)
		c.Put("a", &number{2}) // a rival was first
		synctest.Wait()
		get(t, c, 3)
		o.answer(0, errGone)
		c.Refresh("a")
		synctest.Wait()
		c.Put("a", &number{4}) // and deleted it
		fails(t, c, errGone)
	})
}

func TestPutOverFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.takes(time.Second)
		c.Refresh("a") // sees version 1, late
		synctest.Wait()
		c.Put("a", &number{2})
		pass(2 * time.Second)
		get(t, c, 2)
	})
}

// Whoever waits for a fetch that hangs is not kept from what is at hand since.
func TestPutOverHangingFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.hangUp()
		began := time.Now()
		var reader sync.WaitGroup
		reader.Go(func() { get(t, c, 2) })
		pass(time.Second)
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
		o.takes(time.Second)
		var reader sync.WaitGroup
		reader.Go(func() { get(t, c, 2) }) // and not what the first fetch saw
		pass(time.Millisecond)
		o.answer(2, nil)
		c.Refresh("a")
		reader.Wait()
	})
}

// Renew returns when readers get what it found, though another one comes in between.
func TestRenew(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Renew(t.Context(), "a") // nobody has asked for it
		get(t, c, 1)
		o.takes(time.Second)
		o.answer(2, nil)
		var renewing sync.WaitGroup
		renewing.Go(func() {
			c.Renew(t.Context(), "a")
			if value := c.Load("a"); value == nil || value.version != 2 {
				t.Errorf("%v is read", value)
			}
		})
		pass(time.Second / 2)
		c.Refresh("a")
		renewing.Wait()
		o.hangUp()
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
		put, before := time.Now(), o.asked()
		for c.Load("a").version == 2 {
			pass(time.Second)
		}
		if lasted := time.Since(put); lasted < ttl || lasted > ttl+limit {
			t.Errorf("believed after %v", lasted)
		}
		if n := o.asked() - before; n < 3 || n > 30 {
			t.Errorf("%d fetches meanwhile", n)
		}
		get(t, c, 1)
		c.Put("a", &number{3})
		pass(ttl * 95 / 100) // old answers, and then the right one
		o.answer(3, nil)
		readEvery(t, c, time.Second, 3*ttl)
		get(t, c, 3)
	})
}

func TestForgottenWhenUnread(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		pass(3 * ttl)
		if c.known("a") != nil || o.asked() > 3 || len(c.agenda) != 0 {
			t.Errorf("still kept after %d fetches", o.asked())
		}
		if o.said(Staled) != 0 {
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
		o.answer(0, errGone)
		for i := range many {
			if _, err := c.Get(t.Context(), fmt.Sprint(i)); !errors.Is(err, errGone) {
				t.Fatal(err)
			}
		}
		o.takes(100 * time.Millisecond)
		o.answer(2, nil)
		pass(2 * moment)
		if len(c.agenda) != 1 || o.asked() != many+1 {
			t.Errorf("%d names are kept, after %d fetches", len(c.agenda), o.asked())
		}
		pass(ttl)
		get(t, c, 2)
	})
}

func TestKept(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Keep("a")
		get(t, c, 1)
		pass(10 * ttl)
		if c.Load("a") == nil || o.asked() < 10 {
			t.Errorf("%d fetches", o.asked())
		}
	})
}

func TestCallerLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.takes(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v", err)
		}
		get(t, c, 1) // by the fetch that the other one left behind
		if o.asked() != 1 {
			t.Errorf("%d fetches", o.asked())
		}
	})
}

// The bubble fails if anything is left running.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.hangUp()
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
		fails(t, c, errClosed)
		c.Keep("a")
		c.Put("a", &number{2})
		c.Refresh("a")
		if _, err := c.Listen("a"); !errors.Is(err, errClosed) || c.Load("a") != nil {
			t.Errorf("Listen = %v, Load = %v after Close", err, c.Load("a"))
		}
	})
}

func TestLoadAllocatesNothing(t *testing.T) {
	c := New(Config[number]{TTL: ttl, Limit: limit, Fetch: (&origin{value: &number{1}}).fetch})
	defer c.Close()
	get(t, c, 1)
	if n := testing.AllocsPerRun(100, func() { c.Load("a") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

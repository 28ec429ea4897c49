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

func TestGet_CallersShareAFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.setLatency(time.Second)
		var crowd sync.WaitGroup
		for range 1000 {
			crowd.Go(func() { get(t, c, 1) })
		}
		crowd.Wait()
		if o.fetchCount() != 1 {
			t.Errorf("%d fetches for 1000 callers, want 1", o.fetchCount())
		}
	})
}

func TestRefresh_AheadOfTheTTL(t *testing.T) {
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
				t.Errorf("refreshed after %v, want 0.6 to 0.9 of the TTL", pause)
			} else {
				distinct[pause] = true
			}
		}
		if len(distinct) < 5 {
			t.Error("the pauses repeat, want random ones")
		}
		if o.eventCount(WentStale) != 0 || o.eventCount(Refreshed) != o.fetchCount() {
			t.Errorf("events = %v, want one Refreshed for each fetch and no WentStale", o.events)
		}
	})
}

func TestRefresh_FindsANewValueWithinTheTTL(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setResponse(2, nil)
		readFor(t, c, ttl)
		get(t, c, 2)
	})
}

func TestGet_RemovesAValueThatNoLongerExists(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setResponse(0, errGone)
		advance(ttl)
		getFails(t, c, errGone)
		if o.eventCount(Dropped) != 1 {
			t.Errorf("events = %v, want one Dropped", o.events)
		}
	})
}

func TestGet_CachesAFailureForFailureTTL(t *testing.T) {
	for _, failure := range []error{errGone, errDown} {
		t.Run(failure.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
				o.setResponse(0, failure)
				for range 100 {
					getFails(t, c, failure)
				}
				if o.fetchCount() != 1 {
					t.Errorf("%d fetches for 100 readers, want 1", o.fetchCount())
				}
				o.setResponse(1, nil)
				advance(failureTTL)
				get(t, c, 1)
			})
		})
	}
}

func TestPut_StoresUnlessAnotherWriterIsNewer(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Put("a", &number{7}) // no caller has asked for this name yet
		get(t, c, 1)
		c.Put("a", &number{2})
		get(t, c, 2)
		o.setResponse(3, nil)
		c.Refresh("a")
		synctest.Wait()
		get(t, c, 3)
		c.Put("a", &number{2}) // but another writer has stored version 3
		synctest.Wait()
		get(t, c, 3)
		o.setResponse(0, errGone)
		c.Refresh("a")
		synctest.Wait()
		c.Put("a", &number{4}) // but another writer has deleted the value
		getFails(t, c, errGone)
	})
}

func TestPut_OverridesARunningFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setLatency(time.Second)
		c.Refresh("a") // reads version 1, slowly
		synctest.Wait()
		c.Put("a", &number{2})
		advance(2 * time.Second)
		get(t, c, 2)
	})
}

// TestPut_EndsAHangingFetch checks that a reader that waits for the fetch gets the stored
// value.
func TestPut_EndsAHangingFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.hangFetches()
		began := time.Now()
		var reader sync.WaitGroup
		reader.Go(func() { get(t, c, 2) })
		advance(time.Second)
		c.Put("a", &number{2})
		synctest.Wait()
		if o.hanging != 0 {
			t.Error("a fetch hangs after Put, want it canceled")
		}
		reader.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("Get took %v, want 1s", took)
		}
	})
}

func TestRefresh_OverridesARunningFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.setLatency(time.Second)
		var reader sync.WaitGroup
		reader.Go(func() { get(t, c, 2) }) // not the first fetch's version 1
		advance(time.Millisecond)
		o.setResponse(2, nil)
		c.Refresh("a")
		reader.Wait()
	})
}

// TestRenew checks that Renew returns when readers get the result, even if another fetch
// starts meanwhile.
func TestRenew(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Renew(t.Context(), "a") // no caller has asked for this name yet
		get(t, c, 1)
		o.setLatency(time.Second)
		o.setResponse(2, nil)
		var renewing sync.WaitGroup
		renewing.Go(func() {
			c.Renew(t.Context(), "a")
			if value := c.Load("a"); value == nil || value.version != 2 {
				t.Errorf("Load after Renew = %v, want version 2", value)
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
			t.Error("Renew returned before the fetch, want it to wait for ctx")
		}
	})
}

func TestOutdatedValue_IsRefusedUntilTheTTLEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		c.Put("a", &number{2})
		put, before := time.Now(), o.fetchCount()
		for c.Load("a").version == 2 {
			advance(time.Second)
		}
		if lasted := time.Since(put); lasted < ttl || lasted > ttl+fetchTimeout {
			t.Errorf("an outdated value was accepted after %v, want after the TTL", lasted)
		}
		if n := o.fetchCount() - before; n < 3 || n > 30 {
			t.Errorf("%d fetches within the TTL, want 3 to 30", n)
		}
		get(t, c, 1)
		c.Put("a", &number{3})
		advance(ttl * 95 / 100) // outdated values until shortly before the TTL
		o.setResponse(3, nil)
		readEvery(t, c, time.Second, 3*ttl)
		get(t, c, 3)
	})
}

func TestUnreadValue_IsForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		advance(3 * ttl)
		if c.find("a") != nil || o.fetchCount() > 3 || len(c.queue) != 0 {
			t.Errorf("the name is still cached after %d fetches, want it forgotten after at most 3", o.fetchCount())
		}
		if o.eventCount(WentStale) != 0 {
			t.Errorf("events = %v, want no WentStale", o.events)
		}
	})
}

// TestAbsentNames_AreForgotten checks that names without a value are not fetched again and
// do not delay the fetches of others.
func TestAbsentNames_AreForgotten(t *testing.T) {
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
			t.Errorf("%d names are cached after %d fetches, want 1 after %d", len(c.queue), o.fetchCount(), many+1)
		}
		advance(ttl)
		get(t, c, 2)
	})
}

func TestKeep_RefreshesWithoutReaders(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.Keep("a")
		get(t, c, 1)
		advance(10 * ttl)
		if c.Load("a") == nil || o.fetchCount() < 10 {
			t.Errorf("%d fetches, want at least 10, and the value cached", o.fetchCount())
		}
	})
}

func TestGet_CallerMayLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		o.setLatency(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v, want DeadlineExceeded", err)
		}
		get(t, c, 1) // from the first caller's fetch
		if o.fetchCount() != 1 {
			t.Errorf("%d fetches, want 1", o.fetchCount())
		}
	})
}

// TestClose relies on synctest, which fails if a goroutine is left.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.hangFetches()
		c.Refresh("a")
		var reader sync.WaitGroup
		reader.Go(func() {
			if _, err := c.Get(t.Context(), "b"); !errors.Is(err, errClosed) {
				t.Errorf("Get during Close = %v, want the Closed error", err)
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
			t.Errorf("Listen = %v, Load = %v after Close, want the Closed error and nil", err, c.Load("a"))
		}
	})
}

func TestLoad_AllocatesNothing(t *testing.T) {
	c := New(Config[number]{TTL: ttl, FetchTimeout: fetchTimeout, Fetch: (&origin{value: &number{1}}).fetch})
	defer c.Close()
	get(t, c, 1)
	if n := testing.AllocsPerRun(100, func() { c.Load("a") }); n != 0 {
		t.Errorf("Load makes %v allocations, want 0", n)
	}
}

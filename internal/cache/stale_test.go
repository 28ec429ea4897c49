package cache

import (
	"fmt"
	"testing"
	"time"
)

// TestStale_ServedForMaxStale checks values that are read once within each TTL or more
// often.
func TestStale_ServedForMaxStale(t *testing.T) {
	for what, fail := range map[string]func(*origin){
		"refused": func(o *origin) { o.setResponse(0, errDown) },
		"hanging": (*origin).hangFetches,
	} {
		for _, pause := range []time.Duration{time.Second, 7 * time.Second, 31 * time.Second, ttl - time.Second} {
			t.Run(fmt.Sprint(what, " read every ", pause), func(t *testing.T) {
				inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
					get(t, c, 1)
					readEvery(t, c, pause, 10*ttl)
					fail(o)
					readEvery(t, c, pause, ttl)
					if o.eventCount(WentStale) != 1 {
						t.Errorf("%d WentStale events, want 1", o.eventCount(WentStale))
					}
					readEvery(t, c, pause, maxStale-ttl)
					advance(ttl)
					if c.Load("a") != nil || o.eventCount(Dropped) != 1 || o.eventCount(WentStale) != 1 {
						t.Errorf("Load = %v, events = %v, want nil, one WentStale and one Dropped", c.Load("a"), o.events)
					}
					getFails(t, c, errDown)
					if n := o.fetchCount(); n < int(maxStale/fetchTimeout)/3 || n > int(maxStale/fetchTimeout)*3 {
						t.Errorf("%d fetches in an hour, want about one in 15 s", n)
					}
					o.setResponse(2, nil)
					advance(2 * fetchTimeout)
					get(t, c, 2)
				})
			})
		}
	}
}

// TestStale_IsObservedOnce has a fetch that takes longer than the TTL, so that its value
// is stale at once.
func TestStale_IsObservedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setLatency(2 * ttl)
		readFor(t, c, 2*ttl)
		o.setLatency(0)
		readFor(t, c, 3*ttl)
		if o.eventCount(WentStale) != 1 {
			t.Errorf("%d WentStale events, want 1", o.eventCount(WentStale))
		}
		o.setResponse(0, errDown)
		readFor(t, c, 2*ttl)
		if o.eventCount(WentStale) != 2 {
			t.Errorf("%d WentStale events after the next outage, want 2", o.eventCount(WentStale))
		}
	})
}

func TestStale_UnreadValueIsServedInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setResponse(0, errDown)
		advance(maxStale)
		get(t, c, 1)
		o.setResponse(1, nil)
		advance(fetchTimeout + 3*ttl)
		if c.find("a") != nil {
			t.Error("the unread name is still cached after the outage, want it forgotten")
		}
	})
}

func TestStale_Forever(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.config.MaxStale = Forever
		get(t, c, 1)
		o.setResponse(0, errDown)
		advance(20 * maxStale)
		get(t, c, 1)
		if o.eventCount(WentStale) != 1 || o.eventCount(Dropped) != 0 {
			t.Errorf("%d stale, %d dropped, want 1 and 0", o.eventCount(WentStale), o.eventCount(Dropped))
		}
	})
}

func TestStale_RecoversAfterAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.setResponse(0, errDown)
		readFor(t, c, 10*ttl)
		o.setResponse(2, nil)
		readFor(t, c, fetchTimeout+time.Second) // the longest pause between fetches
		get(t, c, 2)
	})
}

func TestStale_ValuesAreDroppedWhileFetchesHang(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		const many = 10 * maxBackgroundFetches
		for i := range many {
			if _, err := c.Get(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			c.Keep(fmt.Sprint(i))
		}
		o.hangFetches()
		most := 0
		for range int((ttl + maxStale) / time.Second) {
			advance(time.Second)
			c.mu.Lock()
			most = max(most, c.backgroundFetches)
			c.mu.Unlock()
		}
		if most != maxBackgroundFetches {
			t.Errorf("%d fetches at once, want maxBackgroundFetches", most)
		}
		if o.eventCount(WentStale) != many || o.eventCount(Dropped) != many {
			t.Errorf("%d stale, %d dropped, want %d of each", o.eventCount(WentStale), o.eventCount(Dropped), many)
		}
		o.setResponse(2, nil)
		advance(5 * fetchTimeout)
		for i := range many {
			if value := c.Load(fmt.Sprint(i)); value == nil || value.version != 2 {
				t.Fatalf("Load(%d) = %v after the outage, want version 2", i, value)
			}
		}
	})
}

// TestListener_StoppedInAnOutage checks that a value is forgotten after its listener stops
// if nobody reads it, or if it is too old to be served.
func TestListener_StoppedInAnOutage(t *testing.T) {
	for name, read := range map[string]bool{"never read": false, "too old": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
				if !read {
					c.config.MaxStale = Forever
				}
				l := newListener(t, c, "a")
				l.want(1, nil)
				if read {
					get(t, c, 1)
				}
				o.setResponse(0, errDown)
				advance(ttl + maxStale)
				l.Stop()
				advance(3 * ttl)
				if c.find("a") != nil {
					t.Error("the name is still cached, want it forgotten")
				}
			})
		})
	}
}

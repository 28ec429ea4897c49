package cache

import (
	"fmt"
	"testing"
	"time"
)

// However seldom it is read, as long as it is read within its TTL.
func TestStaleValue(t *testing.T) {
	for what, fail := range map[string]func(*origin){
		"refused": func(o *origin) { o.answer(0, errDown) },
		"hanging": (*origin).hangUp,
	} {
		for _, pause := range []time.Duration{time.Second, 7 * time.Second, 31 * time.Second, ttl - time.Second} {
			t.Run(fmt.Sprint(what, " read every ", pause), func(t *testing.T) {
				inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
					get(t, c, 1)
					readEvery(t, c, pause, 10*ttl)
					fail(o)
					readEvery(t, c, pause, ttl)
					if o.said(Staled) != 1 {
						t.Errorf("%d events that it is stale", o.said(Staled))
					}
					readEvery(t, c, pause, maxStale-ttl)
					pass(ttl)
					if c.Load("a") != nil || o.said(Dropped) != 1 || o.said(Staled) != 1 {
						t.Errorf("at hand still: %v; events %v", c.Load("a"), o.events)
					}
					fails(t, c, errDown)
					if n := o.asked(); n < int(maxStale/limit)/3 || n > int(maxStale/limit)*3 {
						t.Errorf("%d fetches in an hour", n)
					}
					o.answer(2, nil)
					pass(2 * limit)
					get(t, c, 2)
				})
			})
		}
	}
}

// A fetch that takes longer than the TTL, retries and all, brings what is stale
// already: that was said.
func TestStaleIsSaidOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.takes(2 * ttl)
		readFor(t, c, 2*ttl)
		o.takes(0)
		readFor(t, c, 3*ttl)
		if o.said(Staled) != 1 {
			t.Errorf("said %d times", o.said(Staled))
		}
		o.answer(0, errDown)
		readFor(t, c, 2*ttl)
		if o.said(Staled) != 2 {
			t.Errorf("the next trouble was not said: %d", o.said(Staled))
		}
	})
}

// What nobody reads is served all the same once Vault cannot be asked.
func TestUnreadValueOutlivesAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.answer(0, errDown)
		pass(maxStale)
		get(t, c, 1)
		o.answer(1, nil)
		pass(limit + 3*ttl)
		if c.known("a") != nil {
			t.Error("still kept, after the outage")
		}
	})
}

func TestStaleForever(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		c.config.MaxStale = Forever
		get(t, c, 1)
		o.answer(0, errDown)
		pass(20 * maxStale)
		get(t, c, 1)
		if o.said(Staled) != 1 || o.said(Dropped) != 0 {
			t.Errorf("%d stale, %d dropped", o.said(Staled), o.said(Dropped))
		}
	})
}

func TestRecoveryIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		get(t, c, 1)
		o.answer(0, errDown)
		readFor(t, c, 10*ttl)
		o.answer(2, nil)
		readFor(t, c, limit+time.Second) // the longest pause between fetches
		get(t, c, 2)
	})
}

// Busy hands must not keep what is too old in force.
func TestDroppedWhileOthersHang(t *testing.T) {
	inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
		const many = 10 * together
		for i := range many {
			if _, err := c.Get(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			c.Keep(fmt.Sprint(i))
		}
		o.hangUp()
		most := 0
		for range int((ttl + maxStale) / time.Second) {
			pass(time.Second)
			c.mu.Lock()
			most = max(most, c.unasked)
			c.mu.Unlock()
		}
		if most != together {
			t.Errorf("%d fetches at once", most)
		}
		if o.said(Staled) != many || o.said(Dropped) != many {
			t.Errorf("%d stale, %d dropped of %d", o.said(Staled), o.said(Dropped), many)
		}
		o.answer(2, nil)
		pass(5 * limit)
		for i := range many {
			if value := c.Load(fmt.Sprint(i)); value == nil || value.version != 2 {
				t.Fatalf("%d is %v after the recovery", i, value)
			}
		}
	})
}

// What was only listened to, and what is too old to be served, is not asked for once
// nobody listens any more, though Vault cannot be asked.
func TestNobodyListensInAnOutage(t *testing.T) {
	for name, read := range map[string]bool{"never read": false, "too old": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, o *origin, c *Cache[number]) {
				if !read {
					c.config.MaxStale = Forever
				}
				l := listens(t, c, "a")
				l.tells(1, nil)
				if read {
					get(t, c, 1)
				}
				o.answer(0, errDown)
				pass(ttl + maxStale)
				l.Stop()
				pass(3 * ttl)
				if c.known("a") != nil {
					t.Error("kept still")
				}
			})
		})
	}
}

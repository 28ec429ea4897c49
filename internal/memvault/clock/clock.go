// Package clock is the in-process Vault's time: the machine's, or the bubble's inside
// testing/synctest, moved forward by what a test asks for.
package clock

import (
	"sync/atomic"
	"time"
)

// Clock is ahead of time.Now by an offset. Its zero value is not ahead.
type Clock struct {
	offset atomic.Int64
}

// Now returns the time in UTC.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())).UTC() }

// Advance moves the clock forward. It ignores a negative duration, because a server's
// clock that goes back would break its expiry times.
func (c *Clock) Advance(d time.Duration) {
	if d > 0 {
		c.offset.Add(int64(d))
	}
}

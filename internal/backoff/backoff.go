// Package backoff waits between attempts: exponential, jittered, and never
// longer than the caller's context lives.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait before another attempt. The zero value waits
// between 50 ms and 2 s.
type Backoff struct {
	Min, Max time.Duration
	// Sleep replaces the wait itself in tests; nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

const (
	defaultMin = 50 * time.Millisecond
	defaultMax = 2 * time.Second
)

// Delay is the pause after the given number of failed attempts (1 or more): it
// doubles from Min up to Max, and a random half of it is left out so that
// clients that failed together do not come back together.
func (b Backoff) Delay(failed int) time.Duration {
	low, high := b.Min, b.Max
	if low <= 0 {
		low = defaultMin
	}
	if high <= 0 {
		high = max(defaultMax, low)
	}
	delay := low
	for ; failed > 1 && delay < high; failed-- {
		delay *= 2
	}
	delay = min(delay, high)
	return delay/2 + rand.N(delay/2+1)
}

// Wait pauses after the given number of failed attempts. It returns the
// context's error as soon as that ends.
func (b Backoff) Wait(ctx context.Context, failed int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Sleep != nil {
		return b.Sleep(ctx, b.Delay(failed))
	}
	return Sleep(ctx, b.Delay(failed))
}

// Sleep waits for d, or for the context's end, whose error it returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

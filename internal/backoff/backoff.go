// Package backoff pauses between attempts. The pauses grow exponentially, have a random
// part, and end with the caller's context. It is our own code because the library has only
// three dependencies.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff describes the pauses between attempts. The zero value pauses for 50 ms at first
// and for at most 2 s.
type Backoff struct {
	Min, Max time.Duration
	// Sleep, if not nil, replaces the timer in tests.
	Sleep func(ctx context.Context, d time.Duration) error
}

const (
	defaultMin = 50 * time.Millisecond
	defaultMax = 2 * time.Second
)

// Delay returns the pause after the given number of failed attempts, which is at least 1.
// The pause doubles from Min up to Max. A random part of up to half of it is subtracted,
// so that clients that failed together do not retry together.
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

// Wait pauses after the given number of failed attempts. If ctx ends, it returns ctx's
// error at once.
func (b Backoff) Wait(ctx context.Context, failed int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Sleep != nil {
		return b.Sleep(ctx, b.Delay(failed))
	}
	return Sleep(ctx, b.Delay(failed))
}

// Sleep pauses for d. If ctx ends first, it returns ctx's error.
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

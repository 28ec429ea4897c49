package cache

import "time"

// scheduleRetry schedules another fetch after a failed one. The pauses grow with each failure.
// cache.go in the root package sets their bounds (refreshBackoff); none is shorter than
// failureTTL.
func (c *Cache[V]) scheduleRetry(e *entry[V], now time.Time) {
	e.failures++
	e.refreshAt = now.Add(max(failureTTL, c.config.Backoff.Delay(e.failures)))
}

package cache

import "time"

// scheduleRetry schedules another fetch after a failed one. The pauses grow with each failure;
// the client sets their bounds (refreshBackoff in the root package).
func (c *Cache[V]) scheduleRetry(e *entry[V], now time.Time) {
	e.failures++
	e.refreshAt = now.Add(max(failureTTL, c.config.Backoff.Delay(e.failures)))
}

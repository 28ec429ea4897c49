package token

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// systemTTL is the default and the maximum lifetime of a token: 32 days.
const systemTTL = 768 * time.Hour

// Lifetime says how long a token lives. A duration of 0 is no limit of its own.
type Lifetime struct {
	TTL         time.Duration
	Max         time.Duration // of the role
	ExplicitMax time.Duration // counts for a periodic token, too
	Period      time.Duration
	Mount       Limits
}

// Limits are the lease durations of a mount. A duration of 0 is the system's.
type Limits struct{ Default, Max time.Duration }

var errPastMax = errors.New("past the max TTL, cannot renew")

// grant returns the TTL that a token created at a time gets now, and warnings for the
// client. An increment replaces the TTL unless the token is periodic.
func (l Lifetime) grant(increment time.Duration, created, now time.Time) (ttl time.Duration, warnings []string, err error) {
	now, created = now.Truncate(time.Second), created.Truncate(time.Second)
	limit := l.limit()
	var end time.Time
	if l.Period > 0 {
		ttl = l.Period
		if ttl > limit {
			warnings = append(warnings, capped("period", l.Period, limit))
			ttl = limit
		}
		if l.ExplicitMax > 0 {
			end = created.Add(l.ExplicitMax)
		}
	} else {
		ttl, end = firstOf(increment, l.TTL, l.Mount.Default, systemTTL), created.Add(limit)
	}
	if end.IsZero() {
		return ttl, warnings, nil
	}
	rest := end.Sub(now)
	if rest <= 0 {
		return 0, nil, errPastMax
	}
	if ttl > rest {
		return rest, append(warnings, capped("TTL", ttl, rest)), nil
	}
	return ttl, warnings, nil
}

// limit is the smallest maximum that applies.
func (l Lifetime) limit() time.Duration {
	limit := firstOf(l.Mount.Max, systemTTL)
	for _, other := range []time.Duration{l.Max, l.ExplicitMax} {
		if other > 0 {
			limit = min(limit, other)
		}
	}
	return limit
}

func firstOf(durations ...time.Duration) time.Duration {
	for _, d := range durations {
		if d > 0 {
			return d
		}
	}
	return 0
}

func capped(what string, asked, limit time.Duration) string {
	return fmt.Sprintf("%s of %q exceeded the effective max_ttl of %q; %s value is capped accordingly",
		what, short(asked), short(limit), what)
}

// short prints a duration without the elements that are zero.
func short(d time.Duration) string {
	text := d.String()
	if before, ok := strings.CutSuffix(text, "m0s"); ok {
		text = before + "m"
	}
	if before, after, ok := strings.Cut(text, "h0m"); ok {
		text = before + "h" + after
	}
	return text
}

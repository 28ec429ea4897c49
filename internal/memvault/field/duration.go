package field

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	errOverflow = errors.New("multiplication of durations resulted in overflow, one operand may be too large")
	errDuration = errors.New("could not parse duration from input")
)

// toDuration returns nil, which counts as absent, for a null.
func (k Kind) toDuration(raw any) (any, error) {
	if raw == nil {
		return nil, nil
	}
	d, err := ParseDuration(raw)
	if err != nil {
		return nil, err
	}
	seconds := int(d.Seconds())
	if k == Duration && seconds < 0 {
		return nil, fmt.Errorf("cannot provide negative value '%d'", seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// ParseDuration converts a number of seconds, a number of days ("2d") or a Go duration.
func ParseDuration(raw any) (time.Duration, error) {
	if number, ok := raw.(json.Number); ok {
		raw = number.String()
	}
	text, ok := raw.(string)
	switch {
	case raw == nil || text == "" && ok:
		return 0, nil
	case !ok:
		return 0, errDuration
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return times(n, time.Second)
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseInt(days, 10, 64)
		if err != nil {
			return 0, err
		}
		return times(n, 24*time.Hour)
	}
	return time.ParseDuration(text)
}

func times(n int64, unit time.Duration) (time.Duration, error) {
	d := time.Duration(n) * unit
	if n != 0 && d/time.Duration(n) != unit {
		return 0, errOverflow
	}
	return d, nil
}

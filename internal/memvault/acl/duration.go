package acl

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// duration reads a number of seconds or a text such as "90", "5m" and "2d".
func duration(value any) (time.Duration, error) {
	switch v := value.(type) {
	case nil:
		return 0, nil
	case int:
		return time.Duration(v) * time.Second, nil
	case float64:
		return time.Duration(v) * time.Second, nil
	case string:
		return durationText(v)
	}
	return 0, errors.New("could not parse duration from input")
}

func durationText(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		number, err := strconv.ParseInt(days, 10, 64)
		return time.Duration(number) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

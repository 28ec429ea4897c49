package acl

import (
	"errors"
	"time"

	"goblin/vaultkit/internal/memvault/field"
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
		return field.ParseDuration(v)
	}
	return 0, errors.New("could not parse duration from input")
}

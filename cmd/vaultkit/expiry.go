package main

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

// maxExpiry keeps a slip of the finger from overflowing.
const maxExpiry = 100 * 365 * 24 * time.Hour

// expiry is the value of --expires-in: a Go duration that may start with weeks
// and days, such as 90d, 2w or 1d12h.
type expiry time.Duration

var weeksAndDays = regexp.MustCompile(`^(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(.*)$`)

// Set parses the flag's text.
func (e *expiry) Set(text string) error {
	parts := weeksAndDays.FindStringSubmatch(text)
	if parts == nil || text == "" {
		return errExpiry
	}
	weeks, _ := strconv.Atoi(parts[1]) // digits, or none: 0
	days, _ := strconv.Atoi(parts[2])
	var rest time.Duration
	if parts[3] != "" {
		var err error
		if rest, err = time.ParseDuration(parts[3]); err != nil {
			return errExpiry
		}
	}
	if days += 7 * weeks; time.Duration(days) > maxExpiry/(24*time.Hour) || rest > maxExpiry {
		return errExpiry
	}
	total := time.Duration(days)*24*time.Hour + rest
	if total <= 0 {
		return errExpiry
	}
	*e = expiry(total)
	return nil
}

var errExpiry = errors.New("give a time such as 90d, 2w or 12h, up to 100 years")

// String is the value as Go writes durations; empty for none.
func (e *expiry) String() string {
	if *e == 0 {
		return ""
	}
	return time.Duration(*e).String()
}

// Type names the value in the help.
func (e *expiry) Type() string { return "time" }

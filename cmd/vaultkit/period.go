package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

const day = 24 * time.Hour

// maxPeriod keeps a slip of the finger from overflowing.
const maxPeriod = 100 * 365 * day

// period is the value of a flag such as --expires-in: a Go duration that may start
// with weeks and days, such as 90d, 2w or 1d12h.
type period time.Duration

var weeksAndDays = regexp.MustCompile(`^(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(.*)$`)

// Set parses the flag's text.
func (p *period) Set(text string) error {
	parts := weeksAndDays.FindStringSubmatch(text)
	if parts == nil || text == "" {
		return errPeriod
	}
	weeks, _ := strconv.Atoi(parts[1]) // digits, or none: 0
	days, _ := strconv.Atoi(parts[2])
	var rest time.Duration
	if parts[3] != "" {
		var err error
		if rest, err = time.ParseDuration(parts[3]); err != nil {
			return errPeriod
		}
	}
	if days += 7 * weeks; time.Duration(days) > maxPeriod/day || rest > maxPeriod {
		return errPeriod
	}
	total := time.Duration(days)*day + rest
	if total <= 0 {
		return errPeriod
	}
	*p = period(total)
	return nil
}

var errPeriod = errors.New("give a time such as 90d, 2w or 12h, up to 100 years")

// String is the value as it could be given again; empty for none.
func (p *period) String() string {
	switch d := time.Duration(*p); {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	default:
		return d.String()
	}
}

// Type names the value in the help.
func (p *period) Type() string { return "time" }

// roughly is an age as people say it: "12d", "5h" or "3m".
func roughly(age time.Duration) string {
	switch {
	case age >= 2*day:
		return fmt.Sprintf("%dd", age/day)
	case age >= 2*time.Hour:
		return fmt.Sprintf("%dh", age/time.Hour)
	}
	return fmt.Sprintf("%dm", max(0, age)/time.Minute) // clocks differ
}

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

var bareNumber = regexp.MustCompile(`^[0-9]+$`)

var weeksAndDays = regexp.MustCompile(`^(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(.*)$`)

// Set parses the flag's text.
func (p *period) Set(text string) error {
	parts := weeksAndDays.FindStringSubmatch(text)
	switch {
	case parts == nil, text == "":
		return errPeriod
	case bareNumber.MatchString(text):
		return errNoUnit
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
		return errTooLong
	}
	total := time.Duration(days)*day + rest
	if total <= 0 {
		return errNoTime
	}
	*p = period(total)
	return nil
}

// What is wrong with a time, without the text itself: it may be anything.
var (
	errPeriod  = errors.New("give a time such as 90d, 2w, 1d12h or 30s; its units are w, d, h, m and s")
	errNoUnit  = errors.New("give the number a unit, such as 30s, 12h or 90d; there are w, d, h, m and s")
	errTooLong = errors.New("give a time of at most 100 years, such as 90d")
	errNoTime  = errors.New("give a time of more than 0, such as 90d")
)

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

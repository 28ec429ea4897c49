// Package flagtype has the values of flags and arguments that several commands take:
// times, secrets, and the attribution of a record.
package flagtype

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Day is 24 hours.
const Day = 24 * time.Hour

// maxDuration prevents an overflow.
const maxDuration = 100 * 365 * Day

// Duration is the value of a flag such as --expires-in: a Go duration that may start
// with weeks and days, such as 90d, 2w or 1d12h.
type Duration time.Duration

var bareNumber = regexp.MustCompile(`^[0-9]+$`)

var weeksAndDays = regexp.MustCompile(`^(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(.*)$`)

// Set parses the text of the flag.
func (d *Duration) Set(text string) error {
	parts := weeksAndDays.FindStringSubmatch(text)
	switch {
	case parts == nil, text == "":
		return errDuration
	case bareNumber.MatchString(text):
		return errNoUnit
	}
	weeks, _ := strconv.Atoi(parts[1]) // digits, or none: 0
	days, _ := strconv.Atoi(parts[2])
	var rest time.Duration
	if parts[3] != "" {
		var err error
		if rest, err = time.ParseDuration(parts[3]); err != nil {
			return errDuration
		}
	}
	if days += 7 * weeks; time.Duration(days) > maxDuration/Day || rest > maxDuration {
		return errTooLong
	}
	total := time.Duration(days)*Day + rest
	if total <= 0 {
		return errNoTime
	}
	*d = Duration(total)
	return nil
}

// The errors do not repeat the text: it may be a secret.
var (
	errDuration = errors.New("give a time such as 90d, 2w, 1d12h or 30s; the units are w, d, h, m and s")
	errNoUnit   = errors.New("add a unit to the number, such as 30s, 12h or 90d; the units are w, d, h, m and s")
	errTooLong  = errors.New("give a time of at most 100 years, such as 90d")
	errNoTime   = errors.New("give a time of more than 0, such as 90d")
)

// String returns the value in the form that Set accepts; empty: there is none.
func (d *Duration) String() string {
	switch total := time.Duration(*d); {
	case total == 0:
		return ""
	case total%Day == 0:
		return fmt.Sprintf("%dd", total/Day)
	default:
		return total.String()
	}
}

// Type returns the name of the value in the help.
func (d *Duration) Type() string { return "time" }

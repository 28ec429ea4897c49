//go:build !race

package faulttest_test

import "math"

// How many are run of the schedules with one fault or one rival (all), how many are
// drawn of each operation's with two (of those with one ending, which are newer, more),
// and how many there must be in all.
const (
	mostAlways       = math.MaxInt
	drawn            = 4
	drawnOfOneEnding = 16
	fewestSchedules  = 8200
)

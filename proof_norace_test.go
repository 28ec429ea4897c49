//go:build !race

package vaultkit_test

import "math"

// How many are played of the schedules with one fault or one rival (all), how many
// are drawn of those with two, and how many there must be in all.
const (
	mostAlways      = math.MaxInt
	moreSchedules   = 800
	fewestSchedules = 8200
)

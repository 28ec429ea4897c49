//go:build !race

package vaultkit_test

// How many schedules are drawn beside those that are always played, and how many
// there must be in all.
const (
	underRace       = false
	moreSchedules   = 800
	fewestSchedules = 5000
)

//go:build race

package vaultkit_test

// The race detector makes everything several times slower, so that all is drawn:
// see proof_norace_test.go.
const (
	underRace       = true
	moreSchedules   = 2800
	fewestSchedules = 1250
)

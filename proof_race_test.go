//go:build race

package vaultkit_test

// The race detector makes everything several times slower: a quarter will do. See
// proof_norace_test.go.
const (
	mostAlways      = 1625
	moreSchedules   = 375
	fewestSchedules = 1650
)

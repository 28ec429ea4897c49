//go:build race

package vaultkit_test

// The race detector makes everything several times slower: a quarter will do. See
// proof_norace_test.go.
const (
	mostAlways      = 1300
	moreSchedules   = 300
	fewestSchedules = 1250
)

//go:build race

package vaultkit_test

// The race detector makes everything several times slower: a quarter will do. See
// proof_norace_test.go.
const (
	mostAlways       = 1650
	drawn            = 6
	drawnOfOneEnding = 12
	fewestSchedules  = 1650
)

//go:build race

package faulttest_test

// The race detector makes everything several times slower: a quarter will do. See
// norace_test.go.
const (
	mostAlways       = 1650
	drawn            = 6
	drawnOfOneEnding = 12
	fewestSchedules  = 1650
)

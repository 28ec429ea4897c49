//go:build race

package vaultkit_test

// The race detector makes everything several times slower: see norace_test.go.
const (
	moreSchedules   = 0
	fewestSchedules = 1250
)

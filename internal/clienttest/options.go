// Package clienttest provides what the tests of several packages share about clients:
// clients with and without faults, stored providers, and checks of Vault. Only tests
// import it.
package clienttest

import (
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/settings"
)

// Marker is a secret that must not appear in any output.
const Marker = "canary-0123456789"

// QuickBackoff makes pauses very short, so that tests do not wait.
var QuickBackoff = backoff.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}

// WithBackoff replaces the pauses between retries.
func WithBackoff(b backoff.Backoff) vaultkit.Option {
	return func(s *settings.Settings) { s.Backoff = b }
}

// WithRecordWait replaces the time limit for writing a committed rotation's record, so
// that a test without a network does not wait for it.
func WithRecordWait(d time.Duration) vaultkit.Option {
	return func(s *settings.Settings) { s.RecordWait = d }
}

// WithSkipOtherProviders turns off the search for an unused key under other providers,
// because the providers of the tests share their fake keys.
func WithSkipOtherProviders() vaultkit.Option {
	return func(s *settings.Settings) { s.SkipOtherProviders = true }
}

// WithCheckTimeout replaces the time limit of each check of Diagnose, so that other tests
// pass on a busy machine.
func WithCheckTimeout(d time.Duration) vaultkit.Option {
	return func(s *settings.Settings) { s.CheckTimeout = d }
}

// WithFixFound calls found with the kind of each finding's fix, before Diagnose yields the
// finding.
func WithFixFound(found func(check, kind string)) vaultkit.Option {
	return func(s *settings.Settings) { s.FixFound = found }
}

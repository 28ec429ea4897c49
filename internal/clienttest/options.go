// Package clienttest is what the tests of several packages share about clients: how to make
// one, with and without faults, what to store for it and what to expect of Vault. Only
// tests import it.
package clienttest

import (
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/settings"
)

// Marker is a secret that must not appear in anything that people can see.
const Marker = "canary-0123456789"

// QuickBackoff makes repeats wait next to nothing, so that no test waits.
var QuickBackoff = backoff.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}

// WithBackoff replaces the pauses between attempts.
func WithBackoff(b backoff.Backoff) vaultkit.Option {
	return func(s *settings.Settings) { s.Backoff = b }
}

// WithRecordWait replaces the bound on writing a committed rotation's record, so that a
// test in which the network is gone for good need not wait it out.
func WithRecordWait(d time.Duration) vaultkit.Option {
	return func(s *settings.Settings) { s.RecordWait = d }
}

// WithOnlyOwnProvider keeps a source's key from being looked for under other providers:
// those of the tests share their fake keys.
func WithOnlyOwnProvider() vaultkit.Option {
	return func(s *settings.Settings) { s.OnlyOwnProvider = true }
}

// WithCheckBound replaces the bound on each check of Diagnose, so that a test which is
// not about the bound passes on a machine that is busy with other things.
func WithCheckBound(d time.Duration) vaultkit.Option {
	return func(s *settings.Settings) { s.CheckBound = d }
}

// WithFixFound calls found with the kind of each finding's fix, before Diagnose yields
// the finding.
func WithFixFound(found func(check, kind string)) vaultkit.Option {
	return func(s *settings.Settings) { s.FixFound = found }
}

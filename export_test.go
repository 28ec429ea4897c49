package vaultkit

import (
	"time"

	"goblin/vaultkit/internal/backoff"
)

// WithBackoff replaces the pauses between attempts.
func WithBackoff(b backoff.Backoff) Option { return func(c *config) { c.backoff = b } }

// WithRecordWait replaces the bound on writing a committed rotation's record, so
// that a test in which the network is gone for good need not wait it out.
func WithRecordWait(d time.Duration) Option { return func(c *config) { c.recordWait = d } }

// WithCheckBound replaces the bound on each check of Diagnose, so that a test which
// is not about the bound passes on a machine that is busy with other things.
func WithCheckBound(d time.Duration) Option { return func(c *config) { c.checkBound = d } }

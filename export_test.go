package vaultkit

import (
	"context"
	"iter"
	"time"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/doctor"
)

// WithBackoff replaces the pauses between attempts.
func WithBackoff(b backoff.Backoff) Option { return func(c *config) { c.backoff = b } }

// WithRecordWait replaces the bound on writing a committed rotation's record, so
// that a test in which the network is gone for good need not wait it out.
func WithRecordWait(d time.Duration) Option { return func(c *config) { c.recordWait = d } }

// WithOnlyOwnProvider keeps a source's key from being looked for under other providers: those
// of the tests share their fake keys.
func WithOnlyOwnProvider() Option { return func(c *config) { c.onlyOwnProvider = true } }

// WithCheckBound replaces the bound on each check of Diagnose, so that a test which
// is not about the bound passes on a machine that is busy with other things.
func WithCheckBound(d time.Duration) Option { return func(c *config) { c.checkBound = d } }

// Examine is Diagnose with the kind of each fix.
func Examine(ctx context.Context, query DiagnoseQuery, opts ...Option) iter.Seq[doctor.Finding] {
	return doctor.Examine(ctx, query.subject(opts))
}

// NewFinding is what Diagnose makes of that.
var NewFinding = newFinding

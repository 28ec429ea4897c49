// Package rotation runs the rotation protocol over a kv.Store. KV v2 has atomic
// single-key check-and-set writes and no transaction over several keys, so:
// the backup is the write-ahead log, the check-and-set write of the provider is
// the commit point, the record is the acknowledgement. No locks, no leases, and
// no clock decides anything.
package rotation

import (
	"context"
	"errors"
	"sync"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Engine runs rotations. Safe for concurrent use.
type Engine struct {
	Store   *kv.Store
	Backoff backoff.Backoff
	Now     func() time.Time
	// RecordWait bounds the writing of a record once its rotation is
	// committed; the caller's context does not. It also bounds what comes after.
	RecordWait time.Duration
	// OnlyOwnProvider: keys that are taken back are not looked for under other providers. For
	// tests whose providers share keys.
	SkipOtherProviders bool
	// Observe, if not nil, hears of the phases of rotations and of what Recover
	// found. It must not block.
	Observe func(event.Event)
	// Stored, if not nil, hears of a provider's secret that a rotation of ours has
	// put in force, and that Vault has acknowledged: what is found out later may have
	// been replaced since.
	OnCommit func(provider string, secret kv.Secret)

	recordedVersions sync.Map // of providers: the newest version whose record this engine has seen
}

// Request is one change of one provider.
type Request struct {
	Provider string
	// Change yields the whole new secret. It is called once, before anything is
	// written.
	Change func(ctx context.Context, current Current) (map[string]any, error)
	// Check, if not nil, may refuse the new secret before anything is written.
	Check func(ctx context.Context, next map[string]any) error
	// Given: Change only says which secret to put in force and issues nothing.
	IssuesNoKey bool
	// Known are fields of the new secret that are known before Change is called: attempts to
	// revoke them are then looked for while the current secret is read.
	KnownFields map[string]any
	// MayTakeBack: the source revokes the key that it issued if the rotation fails, which
	// needs rights of its own.
	RevokesUnused bool
	DryRun        bool
	Actor         string
	Reason        string
	Source        string
	ExpiresAt     time.Time

	RestoreDeleted bool // of a rollback: write over a deleted current version
	AllowRevoked   bool // put a key in force although it is being revoked, or was
}

// Current is what a rotation starts from.
type Current struct {
	Data    map[string]any
	Version int
	InForce time.Time
}

// Result is what became of a committed rotation.
type Result struct {
	Record   protocol.Record
	Resumed  bool     // found committed or recorded already
	Pending  []string // other rotations of the provider that are undecided
	Warnings []string
	// Added and Removed are fields that only the new secret has, or only the old one.
	// A dry run fills them in.
	Added, Removed []string
}

// resend repeats a write that is safe to repeat (create-only, or one that
// replaces itself) until Vault's answer is definite or ctx ends.
func (e *Engine) retryWrite(ctx context.Context, send func() error) error {
	return e.Store.RetryWhile(ctx, vaulterr.MaybeApplied, send)
}

// refused reports that a create-only write met something: a failed
// check-and-set, or, under a policy with "create" and no "update", a denial that
// looks like any other.
func createRefused(err error) bool {
	return errors.Is(err, vaulterr.ErrConflict) || errors.Is(err, vaulterr.ErrPermissionDenied)
}

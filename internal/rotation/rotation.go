// Package rotation runs the rotation protocol over a kv.Store. KV v2 has atomic check-and-set
// writes of one entry, and no transaction over several entries. So the backup is the
// write-ahead log, the check-and-set write of the provider is the commit point, and the record
// is the acknowledgement. The protocol needs no locks and no leases, and no clock decides an
// outcome.
//
// Rotate is in rotate.go. Its steps are in begin.go, steps.go and finish.go, in this order.
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

// Engine runs rotations. It is safe for concurrent use.
type Engine struct {
	Store   *kv.Store
	Backoff backoff.Backoff
	Now     func() time.Time
	Logins  func() uint64 // counts the logins, so that it changes with the token
	// RecordWait limits how long writing the record of a committed rotation takes, instead of the
	// caller's context. It also limits the steps after that.
	RecordWait time.Duration
	// SkipOtherProviders makes RevokeUnused ignore other providers, for tests whose providers
	// share keys.
	SkipOtherProviders bool
	// Observe, if not nil, is called for each phase of a rotation and for each resolution of
	// Recover. It must not block.
	Observe func(event.Event)
	// OnCommit, if not nil, is called with a secret that a rotation has put in force. It is called
	// only if Vault has acknowledged the commit: a commit that is found later may have been
	// replaced since.
	OnCommit func(provider string, secret kv.Secret)

	recordedVersions sync.Map // by provider: the newest version whose record this engine has seen
	granted          sync.Map // by grant: when Vault confirmed these capabilities
	undetermined     sync.Map // by provider: a rotation of this engine ended undetermined
}

// Request is one change of one provider.
type Request struct {
	Provider string
	// Change returns the whole new secret. It is called once, before anything is written.
	Change func(ctx context.Context, current Current) (map[string]any, error)
	// Check, if not nil, may refuse the new secret before anything is written.
	Check func(ctx context.Context, next map[string]any) error
	// IssuesNoKey says that Change only returns a given secret and issues no key.
	IssuesNoKey bool
	// KnownFields are fields of the new secret that are known before Change is called. Attempts
	// to revoke them are listed while the current secret is read.
	KnownFields map[string]any
	// RevokesUnused says that the source revokes its new key if the rotation fails. That needs
	// more capabilities.
	RevokesUnused bool
	DryRun        bool
	Actor         string
	Reason        string
	Source        string
	ExpiresAt     time.Time

	RestoreDeleted bool // for a rollback: replace a deleted current version
	AllowRevoked   bool // put a key in force even if it is being revoked or was revoked
}

// Current is the version that a rotation starts from.
type Current struct {
	Data    map[string]any
	Version int
	InForce time.Time
}

// Result is the result of a committed rotation.
type Result struct {
	Record   protocol.Record
	Resumed  bool     // an earlier run had committed or recorded it
	Pending  []string // the provider's other undecided rotations
	Warnings []string
	// Added are the fields that only the new secret has, Removed those that only the old one has.
	// Only a dry run sets them.
	Added, Removed []string
}

// retryWrite retries a write until Vault gives a definite response or ctx ends. The write must
// be safe to send twice: create-only, or one that writes the same again.
func (e *Engine) retryWrite(ctx context.Context, send func() error) error {
	return e.Store.RetryWhile(ctx, vaulterr.MaybeApplied, send)
}

// createRefused reports whether a create-only write was refused because the entry may exist.
// Vault reports a failed check-and-set or, under a policy with "create" and without "update", a
// plain denial.
func createRefused(err error) bool {
	return errors.Is(err, vaulterr.ErrConflict) || errors.Is(err, vaulterr.ErrPermissionDenied)
}

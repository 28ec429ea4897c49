package vaultkit

import (
	"cmp"
	"context"
	"errors"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// Revocation is the immutable record of a rotation's old keys having been revoked
// at their issuer, kept at rotations/<provider>/<id>.revoked. It holds names, times
// and fingerprints, never a value. RevokedAt is zero while it is only begun
// (<id>.revoking), or cannot be read.
type Revocation = protocol.Revocation

// ErrAlreadyRevoked is what a Revoker returns, or wraps, when the issuer says that
// the keys are gone already.
var ErrAlreadyRevoked = errors.New("already revoked")

// RevokeOption configures RevokeOld.
type RevokeOption func(*revokeOptions)

type revokeOptions struct{ actor, reason string }

// RevokedBy says in the record who revokes: printable, at most 512 bytes. Default:
// empty.
func RevokedBy(actor string) RevokeOption { return func(o *revokeOptions) { o.actor = actor } }

// RevokedBecause says in the record why: printable, at most 512 bytes. Default:
// empty.
func RevokedBecause(reason string) RevokeOption {
	return func(o *revokeOptions) { o.reason = reason }
}

// RevokeOld has the keys that the rotation id replaced revoked at their issuer, the
// last step of rotating a key: once the new one works everywhere. The revoker gets
// the old values of the fields that rotation replaced, and no other. It is called
// once; ErrAlreadyRevoked from it counts as done. A rotation whose old keys were
// revoked before is not asked for again: its record is returned.
//
// It refuses with ErrConflict, before the revoker is called, unless the rotation is
// committed, none of its old values stands in any field of the provider's current
// secret (after a rollback they do), and no rotation of the current version is
// undecided. A rollback that begins while the revoker runs is refused, for that the
// keys are about to be revoked is recorded first; one that began just before is not
// seen. When the revoker fails, that record stays: Rollback then wants AllowRevoked.
//
// Errors: ErrNotFound for a rotation or backup there is not, ErrNoChange for a
// rotation that only added fields, ErrDeleted where the current version is deleted,
// what the revoker returned, those of GetAPIKey, and ErrUndetermined, together with
// the Revocation, when the keys are revoked and only its record is missing: revoke
// again. Needs the recoverer's policy.
func (c *Client) RevokeOld(ctx context.Context, provider, id string, revoker Revoker, opts ...RevokeOption) (*Revocation, error) {
	var o revokeOptions
	err := cmp.Or(apply(&o, opts), checkProvider(provider), checkClaim("actor", o.actor), checkClaim("reason", o.reason))
	if err == nil && revoker == nil {
		err = vaulterr.Invalid("no revoker: it is what revokes the old keys at their issuer")
	}
	if err != nil {
		return nil, vaulterr.In("RevokeOld", provider, err)
	}
	ctx, cancel := c.forWrite(ctx)
	defer cancel()
	revocation, err := c.engine.RevokeOld(ctx, rotation.Retirement{
		Provider: provider, ID: id, Actor: o.actor, Reason: o.reason,
		Revoke: func(ctx context.Context, old map[string]any) (alreadyGone bool, err error) {
			keys, err := textFields(old)
			if err != nil {
				return false, err
			}
			c.keys.Renew(ctx, provider) // not to serve what is about to end
			err = revoker.Revoke(ctx, Target{Provider: provider}, keys)
			switch {
			case errors.Is(err, ErrAlreadyRevoked):
				return true, nil
			case err != nil:
				return false, &Error{ID: id, Detail: "the revoker of the old keys failed", Err: err}
			}
			return false, nil
		},
	})
	return revocation, vaulterr.In("RevokeOld", provider, err)
}

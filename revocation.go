package vaultkit

import (
	"cmp"
	"context"
	"errors"
	"time"

	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// Revocation is the immutable record that the keys which a rotation replaced were revoked at
// the provider. It is stored at rotations/<provider>/<id>.revoked, and holds names, times and
// fingerprints, never a value.
type Revocation struct {
	Schema      int      `json:"schema"` // of the record's shape, 1
	ID          string   `json:"id"`     // the rotation's
	Provider    string   `json:"provider"`
	Fields      []string `json:"fields"`       // names of the fields whose old keys were revoked, sorted
	AlreadyGone bool     `json:"already_gone"` // the provider said that the keys were revoked before
	Actor       string   `json:"actor,omitempty"`
	Reason      string   `json:"reason,omitempty"`

	BegunAt time.Time `json:"begun_at,omitzero"`
	// RevokedAt is zero if the revocation was only begun, as entries below
	// revocations/<provider>/ say, or if the record cannot be read.
	RevokedAt time.Time `json:"revoked_at,omitzero"`

	// NotRead lists other providers that may hold the same keys, and whose secrets the token
	// may not read; "*" if it may not list the providers. It is not stored.
	NotRead []string `json:"not_read,omitempty"`

	// Fingerprints are HMACs of the old keys, so that a backup that holds one is recognized.
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// ErrAlreadyRevoked is what a Revoker returns, or wraps, if the issuer says that
// the keys are gone already.
var ErrAlreadyRevoked = errors.New("already revoked")

// ErrNotAsked is what a Revoker returns, or wraps, if it did not ask the issuer, so that
// the keys are as good as before: the revocation is withdrawn then.
var ErrNotAsked = vaulterr.ErrNotAsked

// RevokeOld has the keys that the rotation id replaced revoked at their issuer, the
// last step of rotating a key: once the new one works everywhere. The revoker gets
// the old values of the fields that rotation replaced, and no other; booleans and null
// are no keys. It is called once; ErrAlreadyRevoked from it counts as done. A rotation
// whose old keys were revoked before is not asked for again: its record is returned.
//
// It refuses with ErrConflict, before the revoker is called, unless the rotation is
// committed and is no restore, the provider was not created anew since, no old key is in
// force, and no rotation of the current version is undecided. An old key is in force
// where a field of the current secret has it, be it with white space around it, inside a
// longer text or percent-encoded; one of less than 8 bytes only where the same field has
// it. The same is looked for in the secrets of all other providers (unless
// IgnoreOtherProviders); the Revocation's NotRead names those that the token may not read.
//
// No rotation or rollback can put an old key in force while the revoker runs, or later:
// entries below revocations/<provider>/ announce the revocation before the secret is read
// for the last time, and Rotate and Rollback refuse the keys they name. The entries are
// withdrawn when RevokeOld refuses, and stay once the revoker was called, whatever it
// returned but ErrNotAsked. Foreign writes, older versions of vaultkit and AllowRevoked do not look at them.
//
// Errors: ErrNotFound for a rotation or backup there is not, ErrNoChange for a
// rotation that only added fields, ErrDeleted where the current version is deleted,
// ErrInvalid for an old value that is a list or an object, what the revoker returned,
// those of GetAPIKey, and ErrUndetermined, together with the Revocation, when the keys are
// revoked and only its record is missing: revoke again. Needs the revoker's policy, and
// "read" on the other providers' secrets.
func (c *Client) RevokeOld(ctx context.Context, provider, id string, revoker Revoker, opts ...RevokeOption) (*Revocation, error) {
	o, err := newRevokeOptions(opts)
	err = cmp.Or(err, checkProvider(provider))
	if err == nil && revoker == nil {
		err = vaulterr.Invalid("no revoker: it is what revokes the old keys at their issuer")
	}
	if err != nil {
		return nil, vaulterr.WithOp("RevokeOld", provider, err)
	}
	ctx, cancel := c.forWrite(ctx)
	defer cancel()
	revocation, err := c.engine.RevokeOld(ctx, rotation.RevokeRequest{
		Provider: provider, ID: id, Actor: o.actor, Reason: o.reason, CheckOtherProviders: !o.onlyProvider,
		Check: func(old map[string]any) error {
			_, err := textFields(old)
			return err
		},
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
	return (*Revocation)(revocation), vaulterr.WithOp("RevokeOld", provider, err)
}

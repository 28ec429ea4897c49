package vaultkit

import (
	"cmp"
	"context"
	"errors"
	"time"

	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// Revocation is the immutable record that the keys which a rotation replaced were revoked at the
// provider. It is stored at data/<base>/rotations/<provider>/<id>.revoked. It holds names, times and
// fingerprints, never a value.
type Revocation struct {
	Schema      int      `json:"schema"`           // of the record's shape, 1
	ID          string   `json:"id"`               // the rotation's
	Provider    string   `json:"provider"`         // whose keys
	Fields      []string `json:"fields"`           // names of the fields whose old keys were revoked, sorted
	AlreadyGone bool     `json:"already_gone"`     // the keys were revoked before, see ErrAlreadyRevoked
	Actor       string   `json:"actor,omitempty"`  // who, as WithActor says
	Reason      string   `json:"reason,omitempty"` // why, as WithReason says

	// BegunAt is when RevokeOld announced the revocation, by the clock of its program.
	BegunAt time.Time `json:"begun_at,omitzero"`
	// RevokedAt is when the revoker had revoked the keys, by the same clock. It is zero if the
	// revocation has begun and has no record yet, or if the record cannot be read.
	RevokedAt time.Time `json:"revoked_at,omitzero"`

	// NotRead lists other providers that may hold the same keys, and whose secrets the token
	// may not read; "*" if it may not list the providers. It is not stored.
	NotRead []string `json:"not_read,omitempty"`

	// Fingerprints are HMACs of the old keys, so that a backup that holds one is recognized.
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// ErrAlreadyRevoked is the error that a Revoker returns or wraps if the keys were revoked before.
var ErrAlreadyRevoked = errors.New("already revoked")

// ErrNotAsked is the error that a Revoker returns or wraps if it did not call the provider's API.
// Then no key was revoked, and the revocation is withdrawn.
var ErrNotAsked = vaulterr.ErrNotAsked

// RevokeOld revokes the keys that the rotation with this id replaced. This is the last step of
// rotating a key, once the new one works everywhere. The revoker gets the old values of the fields
// that the rotation replaced, and no other values; booleans and null are not keys. RevokeOld calls
// it at most once. If these keys were revoked before, RevokeOld returns the record and does not call
// the revoker. RevokeOld blocks until all is done or ctx ends (after Timeouts.Write if ctx has no
// deadline).
//
// RevokeOld returns ErrConflict, without calling the revoker, in these cases: the rotation is not
// committed, or is a restore; the provider was deleted and created anew since; an old key is in
// force; a rotation of the current version is undecided. An old key is in force if a field of the
// current secret contains it: with white space around it, inside a longer text, or
// percent-encoded. A key shorter than 8 bytes counts only in its own field. RevokeOld also checks
// the secrets of all other providers, unless IgnoreOtherProviders is given. NotRead of the
// Revocation lists those that the token may not read.
//
// While the revoker runs, and later, no rotation or rollback puts an old key in force: before the
// last check, RevokeOld writes entries below revocations/<provider>/, and Rotate and Rollback
// refuse the keys of these entries. RevokeOld withdraws the entries if it refuses. Once the
// revoker was called, they stay, unless it returned ErrNotAsked. Writes by other tools, older
// versions of vaultkit and AllowRevoked do not check them.
//
// Errors: ErrNotFound for a rotation or a backup that does not exist; ErrNoChange for a rotation
// that only added fields; ErrDeleted if the current version is deleted; ErrInvalid for an old
// value that is a list or an object; what the revoker returned; those of GetAPIKey. If
// ErrUndetermined comes together with a Revocation, the keys are revoked and only the record is
// missing: call RevokeOld again. Needs the revoker's policy. If that policy is narrowed to some
// providers, the secrets of the others cannot be checked.
func (c *Client) RevokeOld(ctx context.Context, provider, id string, revoker Revoker, opts ...RevokeOption) (*Revocation, error) {
	o, err := newRevokeOptions(opts)
	err = cmp.Or(err, checkProvider(provider))
	if err == nil && revoker == nil {
		err = vaulterr.Invalid("the revoker is nil: it must revoke the old keys with the provider's API")
	}
	if err != nil {
		return nil, vaulterr.WithOp("RevokeOld", provider, err)
	}
	ctx, cancel := c.writeContext(ctx)
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

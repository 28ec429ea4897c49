package vaultkit

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// Rotate replaces fields of the provider's secret with those that the source returns. Every other
// field, and the provider's custom metadata, stay as they are. A field that the secret does not
// have is ErrInvalid, unless AddFields is given. Rotate backs up the current secret, then writes
// the new one with a check-and-set on the version that it backed up, then writes an audit record.
// Success means committed and recorded.
//
// The same change of the same version is the same rotation. A call after a crash or an
// ErrUndetermined finishes it, and two identical concurrent calls commit once and both succeed.
// Sources that make a new key each time, such as RandomKey, cannot resume: call Recover first.
//
// Rotate blocks until the outcome is definite or ctx ends (after Timeouts.Write if ctx has no
// deadline). Until then it retries requests that failed. Once Vault has acknowledged the new
// secret, Rotate writes the record even if ctx is cancelled, for up to 10 s more.
//
// Errors that mean that nothing was applied: ErrInvalid, ErrNotFound, ErrDeleted, ErrNoChange
// (the secret already has these values, and no rotation of vaultkit wrote them),
// ErrPermissionDenied (Rotate checks every capability before it calls the source; for a given key
// it relies on the check of a rotation of this provider less than 10 seconds ago),
// ErrUnauthenticated, ErrConflict, ErrNotKVv2, ErrMountNotFound, ErrUnavailable, ErrSealed,
// ErrClosed, and what the source or verify returned. After ErrUndetermined, call Recover. If a
// Rotation is returned together with ErrUndetermined, the change is committed and only its record
// is missing.
//
// Needs the policy of policy.Rotator: "read" and "update" on data/<base>/providers/<provider>, and
// the rights for backups, records, revocations and metadata.
func (c *Client) Rotate(ctx context.Context, provider string, source Source, opts ...RotateOption) (*Rotation, error) {
	o, err := newRotateOptions(opts)
	if err := cmp.Or(err, checkProvider(provider), checkSource(source)); err != nil {
		return nil, vaulterr.WithOp("Rotate", provider, err)
	}
	ctx, cancel := c.writeContext(ctx)
	defer cancel()
	run := &issuedKey{client: c, source: source, actor: o.actor, mayAdd: o.addFields, target: Target{Provider: provider, DryRun: o.dryRun}}
	result, err := c.engine.Rotate(ctx, run.request(o))
	c.afterRotation(ctx, provider, result, err)
	return newRotation(result), vaulterr.WithOp("Rotate", provider, run.keepOrRevoke(ctx, err))
}

// Rotate calls [Client.Rotate] of the [Default] client. Its errors include those of New.
func Rotate(ctx context.Context, provider string, source Source, opts ...RotateOption) (*Rotation, error) {
	c, err := Default(ctx)
	if err != nil {
		return nil, err
	}
	return c.Rotate(ctx, provider, source, opts...)
}

// Rotation is the record of a rotation, and what else the call found out.
type Rotation struct {
	Record
	// Resumed reports whether an earlier or concurrent run of the same change committed or
	// recorded it.
	Resumed bool `json:"resumed"`
	// Pending lists the ids of other rotations of this provider that are undecided. Rotate looks
	// for them only if the version that it replaces has no record; Recover and Status always do.
	Pending []string `json:"pending"`
	// Warnings lists non-fatal problems.
	Warnings []string `json:"warnings"`
	// FieldsAdded lists the FieldsChanged that the current secret does not have. Only a dry run
	// sets it.
	FieldsAdded []string `json:"fields_added,omitempty"`
	// FieldsRemoved lists the FieldsChanged that the new secret does not have. Only a dry run
	// sets it.
	FieldsRemoved []string `json:"fields_removed,omitempty"`
}

// Record is the immutable audit record of a rotation, stored at
// data/<base>/rotations/<provider>/<id>. It holds names and times, never a value.
type Record struct {
	Schema        int       `json:"schema"`                // of the record's shape, 1
	ID            string    `json:"id"`                    // <in force from>-v<old version>-<fingerprint>
	Provider      string    `json:"provider"`              // whose secret
	Outcome       Outcome   `json:"outcome"`               // OutcomeCommitted, OutcomeAborted or OutcomeUnknown
	Evidence      string    `json:"evidence"`              // "acknowledged": Vault confirmed the write; "inferred": found out later
	OldVersion    int       `json:"old_version"`           // the version that was backed up
	NewVersion    int       `json:"new_version,omitempty"` // the version that replaced it, if committed
	Backup        string    `json:"backup,omitempty"`      // the backup's id, equal to ID
	FieldsChanged []string  `json:"fields_changed"`        // names, sorted
	Actor         string    `json:"actor,omitempty"`       // who, as WithActor says
	Reason        string    `json:"reason,omitempty"`      // why, as WithReason says
	Source        string    `json:"source,omitempty"`      // Source.Name, or rollback:<backup id>
	StartedAt     time.Time `json:"started_at,omitzero"`   // by the rotator's clock
	CommittedAt   time.Time `json:"committed_at,omitzero"` // by Vault's clock
	RecordedAt    time.Time `json:"recorded_at,omitzero"`  // by the clock of the program that wrote the record
	ExpiresAt     time.Time `json:"expires_at,omitzero"`   // of the new key, as WithExpiresAt says
	Cause         string    `json:"cause,omitempty"`       // why it was aborted, if known

	// VaultRequestIDs are Vault's ids of two requests, as its audit devices log them: the one
	// that wrote the backup, and the one that wrote the new secret. An id is empty if the
	// response was lost.
	VaultRequestIDs struct {
		Backup string `json:"backup,omitempty"`
		Commit string `json:"commit,omitempty"`
	} `json:"vault_request_ids"`

	// Revocation says when RevokeOld revoked the keys that this rotation replaced. Only History
	// sets it. Nil: not yet.
	Revocation *Revocation `json:"revocation,omitempty"`
}

// Outcome is how a rotation ended.
type Outcome string

// The outcomes. A record holds OutcomeCommitted, OutcomeAborted or OutcomeUnknown. Recover
// reports the other two, and leaves such rotations alone.
const (
	OutcomeCommitted Outcome = "committed" // the new version is exactly the requested secret
	OutcomeAborted   Outcome = "aborted"   // the requested secret was not applied, and never will be
	OutcomeUnknown   Outcome = "unknown"   // later writes have removed the evidence
	OutcomeUndecided Outcome = "undecided" // not committed yet: the rotation is running, or it crashed
	OutcomeRecreated Outcome = "recreated" // the provider was deleted and created again since
)

func newRotation(result *rotation.Result) *Rotation {
	if result == nil {
		return nil
	}
	r := &Rotation{Record: newRecord(result.Record), Resumed: result.Resumed, Pending: result.Pending, Warnings: result.Warnings,
		FieldsAdded: result.Added, FieldsRemoved: result.Removed}
	if r.Pending == nil {
		r.Pending = []string{}
	}
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	return r
}

func newRecord(r protocol.Record) Record {
	return Record{
		Schema: r.Schema, ID: r.ID, Provider: r.Provider, Outcome: Outcome(r.Outcome), Evidence: string(r.Evidence),
		OldVersion: r.OldVersion, NewVersion: r.NewVersion, Backup: r.Backup, FieldsChanged: r.FieldsChanged,
		Actor: r.Actor, Reason: r.Reason, Source: r.Source,
		StartedAt: r.StartedAt, CommittedAt: r.CommittedAt, RecordedAt: r.RecordedAt, ExpiresAt: r.ExpiresAt,
		Cause: r.Cause, VaultRequestIDs: r.VaultRequestIDs, Revocation: (*Revocation)(r.Revocation),
	}
}

// History returns the provider's rotation records, newest first: by the versions that they
// replaced, or by their times if the token may not read the provider's metadata. A provider that
// was never rotated has no records. It blocks until Vault responds. Needs "list" on
// metadata/<base>/rotations/<provider>/ and "read" on data/<base>/rotations/<provider>/: the
// auditor's policy.
//
// Errors: those of Providers; ErrInvalid for the name, and for a record that a newer version of
// vaultkit wrote in another shape.
func (c *Client) History(ctx context.Context, provider string) ([]Record, error) {
	if err := checkProvider(provider); err != nil {
		return nil, vaulterr.WithOp("History", provider, err)
	}
	ctx, cancel := c.readContext(ctx)
	defer cancel()
	records, err := c.engine.History(ctx, provider)
	if err != nil {
		return nil, vaulterr.WithOp("History", provider, err)
	}
	history := make([]Record, len(records))
	for i, record := range records {
		history[i] = newRecord(record)
	}
	return history, nil
}

// Resolution is what Recover found out about a rotation without a record.
type Resolution struct {
	Provider string  `json:"provider"` // whose secret
	ID       string  `json:"id"`       // the rotation's
	Outcome  Outcome `json:"outcome"`  // any of the outcomes
	Evidence string  `json:"evidence"` // as in the Record; empty if nothing was recorded
}

// recoverWorkers bounds how many providers Recover works on at once.
const recoverWorkers = 8

// Recover finds out what every rotation without a record did, writes the missing records, and
// returns these rotations, the newest of a provider first. If no provider is named, it does so for
// all of them, 8 at a time. It never changes a provider's secret. It writes no record for an
// undecided rotation: such a rotation is running, or crashed before the commit, and has changed
// nothing. It may run at any time, again, and concurrently. It blocks until all is done or ctx ends
// (after Timeouts.Write if ctx has no deadline). Needs the recoverer's policy: the rotator's without
// "update" on providers.
//
// Errors: those of Providers, and ErrInvalid for a name. Recover returns the first error, together
// with what it resolved before.
func (c *Client) Recover(ctx context.Context, providers ...string) ([]Resolution, error) {
	for _, provider := range providers {
		if err := checkProvider(provider); err != nil {
			return nil, vaulterr.WithOp("Recover", provider, err)
		}
	}
	ctx, cancel := c.writeContext(ctx)
	defer cancel()
	if len(providers) == 0 {
		all, err := c.Providers(ctx)
		if err != nil {
			return nil, vaulterr.WithOp("Recover", "", err)
		}
		providers = all
	}
	found, err := parallel.Map(ctx, recoverWorkers, providers, func(ctx context.Context, provider string) ([]rotation.Resolution, error) {
		resolved, err := c.engine.Recover(ctx, provider)
		c.refreshCached(ctx, provider, err)
		return resolved, vaulterr.WithOp("Recover", provider, err)
	})
	resolutions := []Resolution{}
	for _, one := range slices.Concat(found...) {
		resolutions = append(resolutions, Resolution{one.Provider, one.ID, Outcome(one.Outcome), string(one.Evidence)})
	}
	return resolutions, vaulterr.WithOp("Recover", "", err)
}

// Abort closes a rotation that has no record and that Recover leaves alone. If the rotation is
// undecided, Abort first writes the provider's current secret again, unchanged, as a new version:
// then a commit that is still in the network can never be applied. After that it records the
// rotation as aborted, with the cause. The new version keeps the expiry of WithExpiresAt. The key's
// age in Status starts again.
//
// A rotation that Recover reports as unknown or recreated is recorded as unknown. Abort may run
// again, and concurrently: it returns the existing record, with Resumed set. It blocks as Rotate
// does. Needs the rotator's policy.
//
// Errors: those of GetAPIKey; ErrNotFound for a rotation that this provider does not have;
// ErrDeleted if the current version is deleted, because it cannot be written again; ErrConflict,
// together with the Rotation, if the rotation is committed: call Rollback instead; ErrUndetermined
// if the response to a write was lost: call Abort again.
func (c *Client) Abort(ctx context.Context, provider, id string) (*Rotation, error) {
	if err := checkProvider(provider); err != nil {
		return nil, vaulterr.WithOp("Abort", provider, err)
	}
	ctx, cancel := c.writeContext(ctx)
	defer cancel()
	result, err := c.engine.Abort(ctx, provider, id)
	c.refreshCached(ctx, provider, err)
	return newRotation(result), vaulterr.WithOp("Abort", provider, err)
}

// RotateResult is what [Client.RotateAll] yields for one provider.
type RotateResult struct {
	Provider string    // one of those given to RotateAll
	Rotation *Rotation // what Rotate returned; may be nil if Err is set
	Err      error     // what Rotate returned
}

// defaultWorkers is how many providers RotateAll rotates at once by default.
const defaultWorkers = 8

// RotateAll rotates many providers, at most workers of them at once (0: 8), and yields a result for
// each, in the given order. The loop blocks until the next result is there. Each rotation is
// independent: if one fails, the others go on. The rotations together are not atomic. The source is
// called once for each provider, concurrently.
//
// After a break, no further rotation begins; the loop waits for the running ones and drops their
// results. To end early and get every result, cancel ctx and run the loop to its end. Providers
// whose rotation had not begun then yield the error of ctx.
//
// Errors and rights: those of Rotate. For invalid input (no source, an invalid name, a name that is
// given twice), nothing is rotated, and each invalid provider yields an ErrInvalid.
func (c *Client) RotateAll(
	ctx context.Context, workers int, providers []string, source Source, opts ...RotateOption,
) iter.Seq[RotateResult] {
	return func(yield func(RotateResult) bool) {
		if faults := checkRotateAll(workers, providers, source); len(faults) > 0 {
			for _, fault := range faults {
				if !yield(fault) {
					return
				}
			}
			return
		}
		rotations := parallel.Stream(cmp.Or(workers, defaultWorkers), providers, func(provider string) RotateResult {
			rotation, err := c.Rotate(ctx, provider, source, opts...)
			return RotateResult{provider, rotation, err}
		})
		for one := range rotations {
			if !yield(one) {
				return
			}
		}
	}
}

func checkRotateAll(workers int, providers []string, source Source) (faults []RotateResult) {
	seen := make(map[string]bool, len(providers))
	for _, provider := range providers {
		err := cmp.Or(checkProvider(provider), checkSource(source))
		switch {
		case err != nil:
		case workers < 0:
			err = vaulterr.Invalid("the number of workers is negative")
		case seen[provider]:
			err = vaulterr.Invalid("the provider is named twice")
		default:
			seen[provider] = true
			continue
		}
		faults = append(faults, RotateResult{Provider: provider, Err: vaulterr.WithOp("RotateAll", provider, err)})
	}
	return faults
}

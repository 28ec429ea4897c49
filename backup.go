package vaultkit

import (
	"cmp"
	"context"
	"time"

	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// Backup describes the backup that a rotation made of a secret before it replaced it. It holds no
// value.
type Backup struct {
	ID          string    `json:"id"`                   // the rotation's; Rollback takes it
	Provider    string    `json:"provider"`             // whose secret
	Version     int       `json:"version"`              // the provider's version that it is a copy of
	InForceFrom time.Time `json:"in_force_from"`        // when that version was written, by Vault's clock
	ReplacedAt  time.Time `json:"replaced_at,omitzero"` // by Vault's clock; zero: not replaced by this rotation, or unknown
	Outcome     Outcome   `json:"outcome"`              // of the rotation; OutcomeUndecided if it has no record
	Actor       string    `json:"actor,omitempty"`      // who, as WithActor says
	Reason      string    `json:"reason,omitempty"`     // why, as WithReason says
}

// Backups describes the provider's backups, newest first: by their versions, or by their times if
// the token may not read the provider's metadata. It reads no secret, and blocks until Vault
// responds. A provider that was never rotated has no backups.
//
// Needs "list" on metadata/<base>/backups/<provider>/ and metadata/<base>/rotations/<provider>/,
// and "read" on data/<base>/rotations/<provider>/ and metadata/<base>/backups/<provider>/: the
// auditor's policy.
//
// Errors: those of Providers, and ErrInvalid for the name.
func (c *Client) Backups(ctx context.Context, provider string) ([]Backup, error) {
	if err := checkProvider(provider); err != nil {
		return nil, vaulterr.WithOp("Backups", provider, err)
	}
	ctx, cancel := c.readContext(ctx)
	defer cancel()
	found, err := c.engine.Backups(ctx, provider)
	if err != nil {
		return nil, vaulterr.WithOp("Backups", provider, err)
	}
	return newBackups(found), nil
}

// Rollback writes a backup's secret back, whole and exactly. It is a rotation of its own: it
// backs up the secret that it replaces, and it is recorded.
//
// An empty backupID means the secret that the newest rotation replaced. Rollback refuses this
// with ErrInvalid, and lists the candidates, if the current secret came from a rollback or was
// not written by the newest rotation. Otherwise a second rollback could bring the bad key back.
//
// It blocks as Rotate does. Needs the rotator's policy.
//
// Errors: those of Rotate; ErrNotFound for a backup that this provider does not have; ErrNoChange
// if the current secret equals the backup's; ErrConflict if somebody rotated after Rollback chose
// the backup; ErrDeleted if the current version is deleted, unless RestoreDeleted is given. Unless
// AllowRevoked is given: ErrInvalid if the backup holds a key that RevokeOld has revoked, and
// ErrConflict while that key is being revoked.
func (c *Client) Rollback(ctx context.Context, provider, backupID string, opts ...RollbackOption) (*Rotation, error) {
	o, err := newRollbackOptions(opts)
	if err := cmp.Or(err, checkProvider(provider)); err != nil {
		return nil, vaulterr.WithOp("Rollback", provider, err)
	}
	ctx, cancel := c.writeContext(ctx)
	defer cancel()
	result, err := c.engine.Rollback(ctx, backupID, o.request(&Target{Provider: provider, DryRun: o.dryRun}))
	c.afterRotation(ctx, provider, result, err)
	return newRotation(result), vaulterr.WithOp("Rollback", provider, err)
}

// PruneLimits says which backups PruneBackups deletes: those that are not among the KeepNewest
// newest ones, and whose secret was replaced, or whose rotation was aborted, at least OlderThan
// ago. At least one limit must be set. If both are set, each of them protects backups.
type PruneLimits struct {
	KeepNewest int           // backups to keep, of any outcome; 0: no such limit
	OlderThan  time.Duration // since the secret was replaced, or the rotation aborted; 0: no such limit
	DryRun     bool          // delete nothing, and return what would be deleted
}

// PruneBackups calls Recover for the provider and then deletes old backups for good, values
// included; the records stay. It returns what it deleted, oldest first, also together with an
// error. It never deletes the newest backup of a committed rotation, a backup whose rotation has no
// record, or any backup younger than that, because it may be the evidence for that rotation's
// outcome. Abort closes rotations that Recover leaves undecided. PruneBackups blocks until all is
// done or ctx ends (after Timeouts.Write if ctx has no deadline).
//
// Needs the janitor's policy. A token with this policy alone cannot recover: then PruneBackups
// deletes nothing younger than a rotation without a record. So call Recover with the recoverer's
// policy before.
//
// Errors: ErrInvalid for the name, and for limits that are negative or not set; those of Providers.
func (c *Client) PruneBackups(ctx context.Context, provider string, limits PruneLimits) ([]Backup, error) {
	if err := cmp.Or(checkProvider(provider), limits.check()); err != nil {
		return nil, vaulterr.WithOp("PruneBackups", provider, err)
	}
	ctx, cancel := c.writeContext(ctx)
	defer cancel()
	within := rotation.PruneLimits{Newest: limits.KeepNewest, DryRun: limits.DryRun}
	if limits.OlderThan > 0 {
		within.Before = c.engine.Now().Add(-limits.OlderThan)
	}
	pruned, err := c.engine.Prune(ctx, provider, within)
	return newBackups(pruned), vaulterr.WithOp("PruneBackups", provider, err)
}

func (l PruneLimits) check() error {
	switch {
	case l.KeepNewest < 0 || l.OlderThan < 0:
		return vaulterr.Invalid("a limit of PruneBackups is negative")
	case l.KeepNewest == 0 && l.OlderThan == 0:
		return vaulterr.Invalid("PruneBackups needs a limit: KeepNewest, OlderThan, or both")
	}
	return nil
}

func newBackups(found []rotation.Backup) []Backup {
	backups := make([]Backup, len(found))
	for i, one := range found {
		backups[i] = Backup{ID: one.ID, Provider: one.Provider, Version: one.Version, InForceFrom: one.InForceFrom,
			ReplacedAt: one.ReplacedAt, Outcome: Outcome(one.Outcome), Actor: one.Actor, Reason: one.Reason}
	}
	return backups
}

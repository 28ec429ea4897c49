package vaultkit

import (
	"cmp"
	"context"
	"time"

	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// Backup describes the backup of a secret that was, or was about to be,
// replaced. Its value stays in Vault.
type Backup struct {
	ID          string    `json:"id"` // the rotation's, and what Rollback takes
	Provider    string    `json:"provider"`
	Version     int       `json:"version"`              // the provider's version it is a copy of
	InForceFrom time.Time `json:"in_force_from"`        // when that version was written, by Vault's clock
	ReplacedAt  time.Time `json:"replaced_at,omitzero"` // zero: not replaced by this rotation, or unknown
	Outcome     Outcome   `json:"outcome"`              // of the rotation; OutcomeUndecided while it has no record
	Actor       string    `json:"actor,omitempty"`
	Reason      string    `json:"reason,omitempty"`
}

// Backups describes the provider's backups, newest first, without reading a
// secret. A token that may not read the provider's metadata gets them in the order of
// their times. Needs "list" on metadata/<base>/backups/<provider>/ and
// metadata/<base>/rotations/<provider>/, "read" on data/<base>/rotations/ and
// metadata/<base>/backups/. A provider without any has none; errors like
// GetAPIKey's.
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
// Errors: those of Rotate; ErrNotFound for a backup that this provider does not have; ErrNoChange
// if the current secret equals the backup's; ErrConflict if somebody rotated after Rollback chose
// the backup; ErrDeleted if the current version is deleted, unless RestoreDeleted is given. Unless
// AllowRevoked is given: ErrInvalid if the backup holds a key that RevokeOld has revoked, and
// ErrConflict while that key is being revoked. Needs the rotator's policy.
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

// PruneLimits say which backups PruneBackups may delete. A backup may go if it is not one of the
// KeepNewest newest ones, and if its secret was replaced, or its rotation aborted, at least
// OlderThan ago. At least one limit must be set. If both are set, each of them protects backups.
type PruneLimits struct {
	KeepNewest int           // of whatever outcome
	OlderThan  time.Duration // since the secret was replaced, or the rotation aborted
	DryRun     bool          // delete nothing, only say what would go
}

// PruneBackups recovers the provider and then deletes old backups for good, values
// included; the records stay. It returns what it deleted, oldest first, also when
// it fails on the way. It never deletes the newest committed backup, one whose
// rotation has no record, or anything younger than such a one, which may be the
// evidence of its outcome: Abort closes what Recover cannot.
//
// Errors: ErrInvalid for limits that keep nothing, and those of GetAPIKey. Needs the
// janitor's policy. A token with that policy alone cannot recover: it prunes nothing younger
// than a rotation without a record, so run Recover with the recoverer's policy before it.
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
		return vaulterr.Invalid("PruneBackups needs a limit: how many of the newest to keep, how old the others must be, or both")
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

package rotation

import (
	"context"
	"errors"
	"slices"
	"time"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// listWorkers bounds how many entries of a listing are read at once.
const listWorkers = 16

// Backup describes a backup without its value.
type Backup struct {
	ID          string
	Provider    string
	Version     int
	InForceFrom time.Time
	ReplacedAt  time.Time
	Outcome     protocol.Outcome
	Actor       string
	Reason      string
}

// History returns the provider's records, newest first, each with the revocation
// of what it replaced. A record that is deleted
// or not vaultkit's stands in it as one of unknown outcome: the others count.
func (e *Engine) History(ctx context.Context, provider string) ([]protocol.Record, error) {
	ids, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, err
	}
	revoked, err := e.revocations(ctx, provider)
	if err == nil {
		err = e.addBegun(ctx, provider, revoked)
	}
	if err != nil {
		return nil, err
	}
	if err := e.newestFirst(ctx, provider, ids); err != nil {
		return nil, err
	}
	return parallel.Map(ctx, listWorkers, ids, func(ctx context.Context, id protocol.ID) (protocol.Record, error) {
		record, err := e.readableRecord(ctx, provider, id)
		record.Revocation = revoked[id.String()]
		return record, err
	})
}

func (e *Engine) readableRecord(ctx context.Context, provider string, id protocol.ID) (protocol.Record, error) {
	record, err := e.readRecord(ctx, provider, id.String())
	if spoiled(err) {
		return protocol.Record{Schema: protocol.Schema, ID: id.String(), Provider: provider, Outcome: protocol.Unknown,
			OldVersion: id.Source, FieldsChanged: []string{}, Cause: "its record cannot be read: " + vaulterr.Kind(err).Error()}, nil
	}
	return record, err
}

// spoiled reports that somebody removed or overwrote what was read.
func spoiled(err error) bool {
	return errors.Is(err, vaulterr.ErrNotFound) || errors.Is(err, vaulterr.ErrDeleted) || errors.Is(err, vaulterr.ErrInvalid)
}

// Backups describes the provider's backups, newest first. It reads records and
// claims, not values.
func (e *Engine) Backups(ctx context.Context, provider string) ([]Backup, error) {
	ids, err := e.backups(ctx, provider)
	if err != nil {
		return nil, err
	}
	recorded, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, err
	}
	if err := e.newestFirst(ctx, provider, ids); err != nil {
		return nil, err
	}
	hasRecord := setOf(recorded)
	return parallel.Map(ctx, listWorkers, ids, func(ctx context.Context, id protocol.ID) (Backup, error) {
		backup := newBackup(provider, id)
		if hasRecord[id] {
			return e.describeRecorded(ctx, backup, id)
		}
		return e.describeClaimed(ctx, backup)
	})
}

// newestFirst sorts ids by the provider's versions. A token that may not read its metadata
// gets them by their times, which is the same as long as no clock stepped back.
func (e *Engine) newestFirst(ctx context.Context, provider string, ids []protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil && !errors.Is(err, vaulterr.ErrPermissionDenied) {
		return err
	}
	slices.SortFunc(ids, facts.Compare)
	slices.Reverse(ids)
	return nil
}

func newBackup(provider string, id protocol.ID) Backup {
	return Backup{ID: id.String(), Provider: provider, Version: id.Source, InForceFrom: id.InForce, Outcome: protocol.Undecided}
}

// recorded is the backup with what its rotation's record says.
func (b Backup) recorded(record protocol.Record) Backup {
	b.Outcome, b.Actor, b.Reason = record.Outcome, record.Actor, record.Reason
	b.ReplacedAt = record.CommittedAt
	return b
}

func (e *Engine) describeRecorded(ctx context.Context, backup Backup, id protocol.ID) (Backup, error) {
	record, err := e.readableRecord(ctx, backup.Provider, id)
	return backup.recorded(record), err
}

func (e *Engine) describeClaimed(ctx context.Context, backup Backup) (Backup, error) {
	meta, err := e.Store.Metadata(ctx, backupKey(backup.Provider, backup.ID))
	claim := protocol.DecodeClaim(meta.Custom)
	backup.Actor, backup.Reason = claim.Actor, claim.Reason
	return backup, err
}

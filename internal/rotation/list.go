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

// History returns the provider's records, newest first, each with its revocation. A record that
// was deleted or overwritten has the outcome unknown, so that the others can be listed.
func (e *Engine) History(ctx context.Context, provider string) ([]protocol.Record, error) {
	ids, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, err
	}
	revoked, err := e.revocations(ctx, provider)
	if err == nil {
		err = e.addUnfinished(ctx, provider, revoked)
	}
	if err != nil {
		return nil, err
	}
	if err := e.newestFirst(ctx, provider, ids); err != nil {
		return nil, err
	}
	return parallel.Map(ctx, listWorkers, ids, func(ctx context.Context, id protocol.ID) (protocol.Record, error) {
		record, err := e.readRecordOrUnknown(ctx, provider, id)
		record.Revocation = revoked[id.String()]
		return record, err
	})
}

// Backups describes the provider's backups, newest first. It reads records and attributions,
// and no secret.
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
	hasRecord := idSet(recorded)
	return parallel.Map(ctx, listWorkers, ids, func(ctx context.Context, id protocol.ID) (Backup, error) {
		backup := newBackup(provider, id)
		if hasRecord[id] {
			return e.describeFromRecord(ctx, backup, id)
		}
		return e.describeFromAttribution(ctx, backup)
	})
}

func newBackup(provider string, id protocol.ID) Backup {
	return Backup{ID: id.String(), Provider: provider, Version: id.Source, InForceFrom: id.InForce, Outcome: protocol.Undecided}
}

// withRecord returns the backup with the facts of its rotation's record.
func (b Backup) withRecord(record protocol.Record) Backup {
	b.Outcome, b.Actor, b.Reason = record.Outcome, record.Actor, record.Reason
	b.ReplacedAt = record.CommittedAt
	return b
}

func (e *Engine) describeFromRecord(ctx context.Context, backup Backup, id protocol.ID) (Backup, error) {
	record, err := e.readRecordOrUnknown(ctx, backup.Provider, id)
	return backup.withRecord(record), err
}

func (e *Engine) describeFromAttribution(ctx context.Context, backup Backup) (Backup, error) {
	meta, err := e.Store.Metadata(ctx, backupEntry(backup.Provider, backup.ID))
	attribution := protocol.DecodeAttribution(meta.Custom)
	backup.Actor, backup.Reason = attribution.Actor, attribution.Reason
	return backup, err
}

// newestFirst sorts ids by the provider's versions. If the token cannot read the provider's
// metadata, it sorts them by time. The order is the same unless a clock stepped back.
func (e *Engine) newestFirst(ctx context.Context, provider string, ids []protocol.ID) error {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil && !errors.Is(err, vaulterr.ErrPermissionDenied) {
		return err
	}
	slices.SortFunc(ids, facts.Compare)
	slices.Reverse(ids)
	return nil
}

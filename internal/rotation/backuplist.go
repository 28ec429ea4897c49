package rotation

import (
	"context"
	"time"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
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

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

// PruneLimits say which backups Prune may delete: those beyond the Newest that, unless Before
// is zero, were replaced before it.
type PruneLimits struct {
	Newest int
	Before time.Time
	DryRun bool
}

// Prune deletes backups, oldest first, and returns those that it deleted. It keeps every backup
// of an unrecorded rotation and every younger one, which may be the evidence for that rotation.
// It also keeps the newest committed backup, and that of the current version. The provider's
// versions decide the order, not clocks.
func (e *Engine) Prune(ctx context.Context, provider string, limits PruneLimits) ([]Backup, error) {
	if !limits.DryRun {
		// A token with the janitor's policy cannot recover.
		_, _, err := e.resolveAll(ctx, provider)
		if err != nil && !errors.Is(err, vaulterr.ErrPermissionDenied) {
			return nil, err
		}
	}
	prunable, err := e.prunable(ctx, provider, limits)
	if err != nil {
		return nil, err // nothing is deleted yet
	}
	if limits.DryRun {
		return prunable, nil
	}
	for i, backup := range prunable {
		entry := backupEntry(provider, backup.ID)
		if err := e.retryWrite(ctx, func() error { return e.Store.Delete(ctx, entry) }); err != nil {
			return prunable[:i], err
		}
	}
	return prunable, nil
}

// prunable returns the backups that Prune may delete, oldest first.
func (e *Engine) prunable(ctx context.Context, provider string, limits PruneLimits) ([]Backup, error) {
	facts, err := e.providerFacts(ctx, provider)
	if err != nil {
		return nil, err
	}
	ids, err := e.backups(ctx, provider)
	if err != nil {
		return nil, err
	}
	listed, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ids, facts.Compare)
	recorded := idSet(listed)
	candidates := ids[:max(0, len(ids)-limits.Newest)]
	if pending := slices.IndexFunc(ids, func(id protocol.ID) bool { return !recorded[id] }); pending >= 0 {
		candidates = candidates[:min(pending, len(candidates))]
	}
	newest, err := e.newestCommitted(ctx, provider, ids, recorded)
	if err != nil {
		return nil, err
	}
	currentRecord, err := e.currentRecord(ctx, provider, facts, listed)
	if err != nil {
		return nil, err
	}
	records, err := parallel.Map(ctx, listWorkers, candidates, func(ctx context.Context, id protocol.ID) (protocol.Record, error) {
		return e.readRecordOrUnknown(ctx, provider, id)
	})
	prunable := []Backup{}
	for i, record := range records {
		if record.ID != newest && (currentRecord == nil || record.ID != currentRecord.ID) && limits.oldEnough(record) {
			prunable = append(prunable, newBackup(provider, candidates[i]).withRecord(record))
		}
	}
	return prunable, err
}

// oldEnough reports whether a backup with this record may be deleted. An unreadable record
// never may.
func (l PruneLimits) oldEnough(record protocol.Record) bool {
	done := record.CommittedAt
	if done.IsZero() {
		done = record.RecordedAt
	}
	return !done.IsZero() && (l.Before.IsZero() || done.Before(l.Before))
}

// newestCommitted returns the id of the newest committed rotation that has a backup, which a
// rollback would restore.
func (e *Engine) newestCommitted(ctx context.Context, provider string, ids []protocol.ID, recorded map[protocol.ID]bool) (string, error) {
	for _, id := range slices.Backward(ids) {
		if !recorded[id] {
			continue
		}
		record, err := e.readRecordOrUnknown(ctx, provider, id)
		if err != nil || record.Outcome == protocol.Committed && record.Backup != "" {
			return record.ID, err
		}
	}
	return "", nil
}

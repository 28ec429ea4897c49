package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"goblin/vaultkit/internal/kv"
)

// What Vault may be set to delete after a time: the mount's delete_version_after
// counts for both, the one in a provider's metadata for its key alone.
const (
	theBackup = "the backup of the old key"
	theNewKey = "the new key"
)

// warnOfDeletion says when Vault deletes something, once; the zero time is never.
func (tx *transaction) warnOfDeletion(verb, what string, at time.Time) {
	if at.IsZero() {
		return
	}
	text := fmt.Sprintf("Vault %s %s at %s (delete_version_after)", verb, what, at.UTC().Format(time.RFC3339))
	if !slices.Contains(tx.warnings, text) {
		tx.warnings = append(tx.warnings, text)
	}
}

// lookForDeletion reads when Vault deletes what is stored already. Nothing depends on
// it: what cannot be read is left out.
func (tx *transaction) warnOfStoredDeletion(ctx context.Context) {
	if backup, err := tx.Store.Metadata(ctx, backupKey(tx.request.Provider, tx.id.String())); err == nil {
		tx.warnOfDeletion("deletes", theBackup, backup.Deletion)
	}
	if key, err := tx.Store.Metadata(ctx, providerKey(tx.request.Provider)); err == nil && key.Current == tx.id.Source+1 {
		tx.warnOfDeletion("deletes", theNewKey, key.Deletion)
	}
}

// foreseeDeletion says when Vault would delete what a dry run does not write.
func (tx *transaction) warnOfPlannedDeletion(ctx context.Context) {
	meta, err := tx.Store.Metadata(ctx, providerKey(tx.request.Provider))
	if err != nil {
		tx.warnings = append(tx.warnings, fmt.Sprintf("whether Vault would delete the new key after a time (delete_version_after) is not known: %v", err))
		return
	}
	now, mount := tx.Now(), tx.mountDeleteAfter(ctx, meta)
	if mount > 0 {
		tx.warnOfDeletion("would delete", theBackup, now.Add(mount))
	}
	if key := shorter(mount, meta.DeleteVersionAfter); key > 0 && mount >= 0 {
		tx.warnOfDeletion("would delete", theNewKey, now.Add(key))
	}
}

// mountDeletesAfter is the mount's setting. Few may read that (none of our roles): what
// it did to the current version shows then what it was, if that is shorter than the
// provider's own setting.
func (tx *transaction) mountDeleteAfter(ctx context.Context, meta kv.Metadata) time.Duration {
	if settings, err := tx.Store.Settings(ctx); err == nil {
		return settings.DeleteVersionAfter
	}
	written := meta.Versions[meta.Current]
	if meta.Deletion.IsZero() || meta.Destroyed || !meta.Deletion.After(tx.Now()) { // deleted by hand, as far as can be told
		return 0
	}
	after := meta.Deletion.Sub(written)
	if meta.DeleteVersionAfter > 0 && after >= meta.DeleteVersionAfter {
		return 0
	}
	return after
}

// shorter is how long Vault keeps a version for which both are set, or one.
func shorter(mount, entry time.Duration) time.Duration {
	if mount == 0 || entry > 0 && entry < mount {
		return entry
	}
	return mount
}

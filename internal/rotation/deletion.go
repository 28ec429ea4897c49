package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"goblin/vaultkit/internal/kv"
)

// What Vault can delete after a time: the mount's delete_version_after applies to both, that of a
// provider's metadata only to its key.
const (
	theBackup = "the backup of the old key"
	theNewKey = "the new key"
)

// warnOfDeletion adds a warning about when Vault deletes something. The zero time means never.
func (tx *transaction) warnOfDeletion(verb, what string, at time.Time) {
	if at.IsZero() {
		return
	}
	text := fmt.Sprintf("Vault %s %s at %s (delete_version_after)", verb, what, at.UTC().Format(time.RFC3339))
	if !slices.Contains(tx.warnings, text) {
		tx.warnings = append(tx.warnings, text)
	}
}

// warnOfStoredDeletion reads when Vault deletes what is already stored. It ignores errors,
// because nothing depends on the warning.
func (tx *transaction) warnOfStoredDeletion(ctx context.Context) {
	if backup, err := tx.Store.Metadata(ctx, backupEntry(tx.request.Provider, tx.id.String())); err == nil {
		tx.warnOfDeletion("deletes", theBackup, backup.Deletion)
	}
	if key, err := tx.Store.Metadata(ctx, providerEntry(tx.request.Provider)); err == nil && key.Current == tx.id.Source+1 {
		tx.warnOfDeletion("deletes", theNewKey, key.Deletion)
	}
}

// warnOfPlannedDeletion warns about when Vault would delete what a dry run does not write.
func (tx *transaction) warnOfPlannedDeletion(ctx context.Context) {
	meta, err := tx.Store.Metadata(ctx, providerEntry(tx.request.Provider))
	if err != nil {
		tx.warnings = append(tx.warnings, fmt.Sprintf("could not find out whether Vault would delete the new key after a time (delete_version_after): %v", err))
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

// mountDeleteAfter returns the mount's delete_version_after. No role may read the mount's
// settings. If the token cannot, the setting follows from the current version's deletion time,
// unless the provider's own setting explains that time.
func (tx *transaction) mountDeleteAfter(ctx context.Context, meta kv.Metadata) time.Duration {
	if settings, err := tx.Store.Settings(ctx); err == nil {
		return settings.DeleteVersionAfter
	}
	written := meta.Versions[meta.Current]
	if meta.Deletion.IsZero() || meta.Destroyed || !meta.Deletion.After(tx.Now()) { // probably deleted by hand
		return 0
	}
	after := meta.Deletion.Sub(written)
	if meta.DeleteVersionAfter > 0 && after >= meta.DeleteVersionAfter {
		return 0
	}
	return after
}

// shorter returns how long Vault keeps a version, from the mount's and the entry's setting.
func shorter(mount, entry time.Duration) time.Duration {
	if mount == 0 || entry > 0 && entry < mount {
		return entry
	}
	return mount
}

package rotation

import (
	"context"
	"fmt"
	"maps"
	"time"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// checkRevoked refuses the change if a key that it puts in force is being revoked. It runs after
// the backup was acknowledged and before the commit: an attempt that it does not see finds the
// backup.
func (tx *transaction) checkRevoked(ctx context.Context) error {
	if tx.request.AllowRevoked {
		return nil
	}
	attempts, err := tx.attemptsFor(ctx, tx.request.Provider, tx.changed)
	if err != nil {
		return err
	}
	if revoked := tx.revokedError(ctx, tx.request.Provider, attempts, tx.changed); revoked != nil {
		revoked.ID = tx.id.String()
		return revoked
	}
	return nil
}

// checkRevokedEarly is checkRevoked before anything is written, so that a refusal leaves no
// trace. An earlier run of the same rotation may still have sent its commit. listed are the
// attempts on the fields that were known before the new secret was.
func (tx *transaction) checkRevokedEarly(ctx context.Context, listed protocol.Attempts) error {
	if tx.request.AllowRevoked {
		return nil
	}
	notListed := maps.Clone(tx.changed)
	maps.DeleteFunc(notListed, func(field string, _ any) bool { _, known := tx.request.KnownFields[field]; return known })
	attempts, err := tx.attemptsFor(ctx, tx.request.Provider, notListed)
	if err != nil {
		return tx.failedBeforeBackup(ctx, err)
	}
	revoked := tx.revokedError(ctx, tx.request.Provider, append(attempts, listed...), tx.changed)
	if revoked == nil {
		return nil
	}
	revoked.ID = tx.id.String()
	return tx.failedBeforeBackup(ctx, revoked)
}

// changedFields returns the fields of next whose value is new.
func changedFields(old, next map[string]any) map[string]any {
	changed := make(map[string]any)
	for _, field := range protocol.ChangedFields(old, next) {
		if value, has := next[field]; has {
			changed[field] = value
		}
	}
	return changed
}

// revokedError returns the error for a change that puts a revoked key in force, or nil.
func (e *Engine) revokedError(ctx context.Context, provider string, attempts protocol.Attempts, fields map[string]any) *vaulterr.Error {
	name, field, found := attempts.Find(provider, fields)
	if !found {
		return nil
	}
	detail := fmt.Sprintf("the key in the field %q is being revoked or was revoked", field)
	hint := "use another key, or allow revoked keys"
	if attempt, err := e.readAttempt(ctx, provider, name); err == nil {
		detail += fmt.Sprintf(" (%s, started at %s", attempt.Kind, attempt.BegunAt.UTC().Format(time.RFC3339))
		if _, err := protocol.ParseID(attempt.Rotation); err == nil {
			detail += ", rotation " + attempt.Rotation
		}
		if attempt.Actor != "" {
			detail += fmt.Sprintf(", by %q", attempt.Actor)
		}
		detail += ")"
		if attempt.Kind == protocol.KindRevokeOld {
			hint = "use another key, revoke the old key of that rotation again to finish the revocation, or allow revoked keys"
		}
	}
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Detail: detail, Hint: hint}
}

func (e *Engine) readAttempt(ctx context.Context, provider, name string) (protocol.Attempt, error) {
	stored, err := e.readStored(ctx, attemptEntry(provider, name))
	if err != nil {
		return protocol.Attempt{}, hideEntryName(provider, err)
	}
	attempt, err := protocol.DecodeAttempt(stored)
	if err != nil {
		return protocol.Attempt{}, vaulterr.Invalid("the entry of an attempt to revoke: %v", err)
	}
	return attempt, nil
}

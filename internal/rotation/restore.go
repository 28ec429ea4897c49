package rotation

import (
	"context"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// restore is a rollback over a current version that is deleted or destroyed. What
// it replaces cannot be read, so what it backs up, ahead of its commit, is the
// secret it restores: all else is a rotation like any other, crashes included.
func (e *Engine) restore(ctx context.Context, request Request, deleted kv.Secret, data map[string]any) (*Result, error) {
	canonical, err := protocol.Canonical(data)
	if err != nil {
		return nil, vaulterr.Invalid("the backup: %v", err)
	}
	deleted.Data = data
	tx := &transaction{Engine: e, request: request, started: e.Now(), source: deleted, next: data,
		id: protocol.RestoreID(deleted.Created, deleted.Version, canonical), changed: data}
	if err := e.Store.CheckCapabilities(ctx, tx.required()); err != nil {
		return nil, err
	}
	if err := tx.checkRevokedEarly(ctx, nil); err != nil {
		return nil, err
	}
	if request.Check != nil {
		if err := request.Check(ctx, data); err != nil {
			return nil, tx.failedBeforeBackup(ctx, err)
		}
	}
	if request.DryRun {
		return tx.dryRunResult(ctx), nil
	}
	return tx.run(ctx)
}

package rotation

import (
	"context"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// restore is a rollback over a deleted or destroyed version. It cannot read what it replaces,
// so its backup holds the secret that it restores. Everything else works as in a rotation, also
// after a crash.
func (e *Engine) restore(ctx context.Context, request Request, deleted kv.Secret, data map[string]any) (*Result, error) {
	canonical, err := protocol.Canonical(data)
	if err != nil {
		return nil, vaulterr.Invalid("the backup: %v", err)
	}
	deleted.Data = data
	tx := &transaction{Engine: e, request: request, started: e.Now(), source: deleted, next: data,
		id: protocol.RestoreID(deleted.Created, deleted.Version, canonical), changed: data}
	if err := e.checkCapabilities(ctx, request.Provider, tx.requiredCapabilities()); err != nil {
		return nil, tx.failedBeforeBackup(ctx, err)
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

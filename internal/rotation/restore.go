package rotation

import (
	"context"
	"errors"
	"fmt"

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
		id: protocol.RestoreID(deleted.Created, deleted.Version, canonical)}
	if err := e.Store.CheckCapabilities(ctx, needs(request.Provider, tx.id.String())); err != nil {
		return nil, err
	}
	if request.Check != nil {
		if err := request.Check(ctx, data); err != nil {
			return nil, err
		}
	}
	if err := tx.adopt(ctx, canonical); err != nil {
		return nil, err
	}
	if request.DryRun {
		return tx.plan(), nil
	}
	return tx.run(ctx)
}

// adopt takes over an unfinished rotation of the deleted version that wanted the
// very same secret: finishing both would commit one version twice.
func (tx *transaction) adopt(ctx context.Context, next []byte) error {
	twins, err := tx.twins(ctx, tx.request.Provider, tx.id, next)
	if err != nil {
		return err
	}
	for _, twin := range twins {
		_, err := tx.readRecord(ctx, tx.request.Provider, twin.id.String())
		if errors.Is(err, vaulterr.ErrNotFound) {
			tx.id, tx.source.Data = twin.id, twin.data
			return nil
		}
		if err != nil && !spoiled(err) {
			return err
		}
	}
	return nil
}

// twin is a rotation of the version that a restore replaces, to the same secret.
type twin struct {
	id   protocol.ID
	data map[string]any
}

// twins are those that have a backup.
func (e *Engine) twins(ctx context.Context, provider string, restore protocol.ID, next []byte) ([]twin, error) {
	ids, err := e.backups(ctx, provider)
	if err != nil {
		return nil, err
	}
	var found []twin
	for _, id := range ids {
		if id == restore || id.Source != restore.Source || !id.InForce.Equal(restore.InForce) {
			continue
		}
		data, err := e.readIfThere(ctx, backupKey(provider, id.String()))
		if err != nil {
			return nil, err
		}
		canonical, err := canonicalOrNil(data)
		if err != nil {
			return nil, err
		}
		if canonical != nil && id.Matches(canonical, next) {
			found = append(found, twin{id, data})
		}
	}
	return found, nil
}

// yield has only one of a restore and its twins count as committed, where the
// version alone cannot tell which of them wrote it: a twin gives way to a restore
// that was begun, and a restore to a twin that is recorded.
func (e *Engine) yield(ctx context.Context, found *finding) error {
	next, err := canonicalOrNil(found.next)
	if err != nil || found.outcome != protocol.Committed {
		return err
	}
	restore := protocol.RestoreID(found.id.InForce, found.id.Source, next)
	if found.id != restore {
		begun, err := e.readIfThere(ctx, backupKey(found.provider, restore.String()))
		if begun != nil {
			found.yieldTo(restore)
		}
		return err
	}
	twins, err := e.twins(ctx, found.provider, restore, next)
	if err != nil {
		return err
	}
	for _, twin := range twins {
		if record, err := e.readRecord(ctx, found.provider, twin.id.String()); err == nil && record.Outcome == protocol.Committed {
			found.yieldTo(twin.id)
		}
	}
	return nil
}

func (f *finding) yieldTo(other protocol.ID) {
	f.outcome = protocol.Aborted
	f.cause = fmt.Sprintf("the same secret was put in force by %s", other)
}

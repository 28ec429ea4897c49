package rotation

import (
	"context"
	"errors"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// restore is a rollback over a current version that is deleted or destroyed.
// Nothing readable is replaced, so there is nothing to back up: it is one
// check-and-set write and its record.
func (e *Engine) restore(ctx context.Context, request Request, deleted kv.Secret, data map[string]any) (*Result, error) {
	tx, err := e.restoring(request, deleted, data)
	if err != nil {
		return nil, err
	}
	if err := e.Store.CheckCapabilities(ctx, needs(request.Provider, tx.id.String())); err != nil {
		return nil, err
	}
	if request.Check != nil {
		if err := request.Check(ctx, data); err != nil {
			return nil, err
		}
	}
	if request.DryRun {
		return &Result{Record: tx.restoredRecord("", "")}, nil
	}
	written, err := e.put(ctx, request.Provider, deleted.Version, data)
	if err != nil {
		return nil, err
	}
	tx.committed, tx.requests.Commit = written.Created, written.RequestID
	return tx.acknowledgeRestore(ctx, protocol.Acknowledged, false)
}

// resumeRestore answers a restore that was done already, whether or not its
// record was written. Nil: no restore made the current version.
func (tx *transaction) resumeRestore(ctx context.Context) (*Result, error) {
	current := tx.source
	if !tx.request.RestoreDeleted || current.Version < 2 {
		return nil, nil
	}
	before, err := tx.Store.ReadVersion(ctx, providerKey(tx.request.Provider), current.Version-1)
	switch {
	case errors.Is(err, vaulterr.ErrNotFound):
		return nil, nil
	case !errors.Is(err, vaulterr.ErrDeleted):
		return nil, err // or it can be read: nil
	}
	again, err := tx.restoring(tx.request, before, tx.next)
	if err != nil {
		return nil, err
	}
	again.committed = current.Created
	if tx.request.DryRun {
		return &Result{Record: again.restoredRecord(protocol.Committed, protocol.Inferred), Resumed: true}, nil
	}
	return again.acknowledgeRestore(ctx, protocol.Inferred, true)
}

// restoring is the transaction that replaces a deleted version, which counts as
// null in the id.
func (e *Engine) restoring(request Request, deleted kv.Secret, data map[string]any) (*transaction, error) {
	next, err := protocol.Canonical(data)
	if err != nil {
		return nil, vaulterr.Invalid("the backup: %v", err)
	}
	deleted.Data = nil
	return &transaction{Engine: e, request: request, started: e.Now(), source: deleted, next: data,
		id: protocol.NewID(deleted.Created, deleted.Version, []byte("null"), next)}, nil
}

func (tx *transaction) acknowledgeRestore(ctx context.Context, evidence protocol.Evidence, resumed bool) (*Result, error) {
	wanted := tx.restoredRecord(protocol.Committed, evidence)
	return tx.acknowledge(ctx, wanted, resumed, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.record(ctx, wanted)
	})
}

// restoredRecord names no backup: there is none.
func (tx *transaction) restoredRecord(outcome protocol.Outcome, evidence protocol.Evidence) protocol.Record {
	record := tx.newRecord(outcome, evidence)
	record.Backup = ""
	return record
}

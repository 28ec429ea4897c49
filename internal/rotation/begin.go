package rotation

import (
	"cmp"
	"context"
	"sync"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// begin is step 1: it reads the provider and makes every check, so that bad
// input, a missing right or a change that is already there ends the rotation
// before it writes.
func (e *Engine) begin(ctx context.Context, request Request) (*transaction, *Result, error) {
	tx := &transaction{Engine: e, request: request, started: e.Now()}
	source, err := tx.readEntitled(ctx)
	if err != nil {
		return nil, nil, err
	}
	tx.source = source
	old, err := protocol.Canonical(source.Data)
	if err != nil {
		return nil, nil, vaulterr.Invalid("the current secret cannot be backed up unchanged: %v", err)
	}
	if tx.next, err = request.Change(ctx, Current{Data: source.Data, Version: source.Version, InForce: source.Created}); err != nil {
		return nil, nil, err
	}
	next, err := protocol.Canonical(tx.next)
	if err != nil {
		return nil, nil, vaulterr.Invalid("the new secret: %v", err)
	}
	if string(next) == string(old) {
		resumed, err := tx.resume(ctx, next)
		return nil, resumed, err
	}
	tx.id = protocol.NewID(source.Created, source.Version, old, next)
	if request.Check != nil {
		if err := request.Check(ctx, tx.next); err != nil {
			return nil, nil, err
		}
	}
	return tx, nil, nil
}

// readEntitled reads the current secret, and asks meanwhile whether the token may do
// all that a rotation does: a source may issue a real key. The rights on an id's paths
// are the same for every id; which one it will be is known only with the new secret.
func (tx *transaction) readEntitled(ctx context.Context) (kv.Secret, error) {
	anyID := protocol.NewID(tx.started, 1, nil, nil).String()
	asked, cancel := context.WithCancel(ctx)
	defer cancel()
	var asking sync.WaitGroup
	var refusal error
	asking.Go(func() { refusal = tx.Store.CheckCapabilities(asked, needs(tx.request.Provider, anyID)) })
	source, err := tx.Store.Read(ctx, providerKey(tx.request.Provider))
	if err != nil {
		cancel()
	}
	asking.Wait()
	return source, cmp.Or(err, refusal)
}

// needs are the rights a rotation uses, those for resolving a doubt included: a
// rotation that could not find out what became of its own commit must not start.
func needs(provider, id string) []kv.Need {
	return []kv.Need{
		{Key: providerKey(provider), Door: "data", Capability: "update"},
		{Key: backupKey(provider, id), Door: "data", Capability: "create"},
		{Key: backupKey(provider, id), Door: "data", Capability: "read"},
		{Key: backupKey(provider, id), Door: "metadata", Capability: "read"},
		{Key: backupKey(provider, id), Door: "metadata", Capability: "update"},
		{Key: backupKey(provider), Door: "metadata", Capability: "list"},
		{Key: recordKey(provider, id), Door: "data", Capability: "create"},
		{Key: recordKey(provider, id), Door: "data", Capability: "read"},
		{Key: recordKey(provider), Door: "metadata", Capability: "list"},
		{Key: providerKey(provider), Door: "metadata", Capability: "read"},
	}
}

// resume answers a change that is already there: if a backup of this generation
// shows that this very change made the current version, its record is finished
// and it is a success; only otherwise is there nothing to change.
func (tx *transaction) resume(ctx context.Context, current []byte) (*Result, error) {
	ids, err := tx.backups(ctx, tx.request.Provider)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if id.Source != tx.source.Version-1 {
			continue
		}
		found, err := tx.investigate(ctx, tx.request.Provider, id)
		if err != nil {
			return nil, err
		}
		if found.outcome == protocol.Committed && id.Matches(found.backup, current) {
			return tx.finishResumed(ctx, found)
		}
	}
	return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, Version: tx.source.Version}
}

func (tx *transaction) finishResumed(ctx context.Context, found *finding) (*Result, error) {
	tx.id = found.id
	if tx.request.Check != nil {
		tx.warnings = append(tx.warnings, "this very change is in force already, so the new secret was not verified")
	}
	if tx.request.DryRun {
		return &Result{Record: found.record(tx.Now()), Resumed: true, Warnings: tx.warnings}, nil
	}
	defer tx.lookOut(ctx)()
	return tx.acknowledge(ctx, found.record(tx.Now()), true, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.recordFinding(ctx, found)
	})
}

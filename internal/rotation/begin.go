package rotation

import (
	"cmp"
	"context"
	"fmt"
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
	attempts, refused, err := tx.readSource(ctx)
	if err == nil && !request.IssuesNoKey {
		err = refused
	}
	if err != nil {
		return nil, nil, err
	}
	old, next, err := tx.change(ctx)
	if err != nil {
		return nil, nil, cmp.Or(refused, err)
	}
	if string(next) == string(old) { // whatever the token may do: the key is in force
		resumed, err := tx.resume(ctx, next)
		return nil, resumed, err
	}
	if refused != nil {
		return nil, nil, refused
	}
	tx.id = protocol.NewID(tx.source.Created, tx.source.Version, old, next)
	tx.changed = changedFields(tx.source.Data, tx.next)
	if err := tx.checkRevokedEarly(ctx, attempts); err != nil {
		return nil, nil, err
	}
	if request.Check != nil {
		if err := request.Check(ctx, tx.next); err != nil {
			return nil, nil, tx.failedBeforeBackup(ctx, err)
		}
	}
	return tx, nil, nil
}

// change asks for the new secret, and returns both canonically.
func (tx *transaction) change(ctx context.Context) (old, next []byte, err error) {
	source := tx.source
	if old, err = protocol.Canonical(source.Data); err != nil {
		return nil, nil, vaulterr.Invalid("the current secret cannot be backed up unchanged: %v", err)
	}
	if tx.next, err = tx.request.Change(ctx, Current{Data: source.Data, Version: source.Version, InForce: source.Created}); err != nil {
		return nil, nil, err
	}
	if next, err = protocol.Canonical(tx.next); err != nil {
		return nil, nil, vaulterr.Invalid("the new secret: %v", err)
	}
	return old, next, nil
}

// readSource reads the current secret. Meanwhile it asks whether the token may do all that
// a rotation does, for a source may issue a real key, and lists the attempts to revoke
// the keys that are known already; refused is why the rotation must not go on. The rights on
// an id's paths are the same for every id; which one it will be is known only with the new
// secret.
func (tx *transaction) readSource(ctx context.Context) (attempts protocol.Attempts, refused, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var asking sync.WaitGroup
	var denied, notListed error
	asking.Go(func() { denied = tx.Store.CheckCapabilities(ctx, tx.required()) })
	if !tx.request.AllowRevoked {
		asking.Go(func() { attempts, notListed = tx.attemptsFor(ctx, tx.request.Provider, tx.request.KnownFields) })
	}
	tx.source, err = tx.Store.Read(ctx, providerKey(tx.request.Provider))
	if err != nil {
		cancel()
	}
	asking.Wait()
	return attempts, cmp.Or(denied, notListed), err
}

// needs are the rights that this run uses.
func (tx *transaction) required() []kv.PathCapability {
	provider := tx.request.Provider
	required := rotateCapabilities(provider, protocol.NewID(tx.started, 1, nil, nil).String())
	if !tx.request.AllowRevoked {
		required = append(required, kv.PathCapability{Key: attemptsKey(provider, protocol.AttemptDirectory(sampleAttemptName(provider))), Endpoint: "metadata", Capability: "list"})
	}
	if tx.request.RevokesUnused {
		required = append(required, attemptCapabilities(provider)...)
	}
	return required
}

// needsToRotate are the rights a rotation uses, those for resolving a doubt included: a
// rotation that could not find out what became of its own commit must not start.
func rotateCapabilities(provider, id string) []kv.PathCapability {
	return []kv.PathCapability{
		{Key: providerKey(provider), Endpoint: "data", Capability: "update"},
		{Key: backupKey(provider, id), Endpoint: "data", Capability: "create"},
		{Key: backupKey(provider, id), Endpoint: "data", Capability: "read"},
		{Key: backupKey(provider, id), Endpoint: "metadata", Capability: "read"},
		{Key: backupKey(provider, id), Endpoint: "metadata", Capability: "update"},
		{Key: backupKey(provider), Endpoint: "metadata", Capability: "list"},
		{Key: recordKey(provider, id), Endpoint: "data", Capability: "create"},
		{Key: recordKey(provider, id), Endpoint: "data", Capability: "read"},
		{Key: recordKey(provider), Endpoint: "metadata", Capability: "list"},
		{Key: providerKey(provider), Endpoint: "metadata", Capability: "read"},
	}
}

// resume answers a change that is already there: if a backup of this generation
// shows that this very change made the current version, its record is finished
// and it is a success; only otherwise is there nothing to change.
func (tx *transaction) resume(ctx context.Context, current []byte) (*Result, error) {
	ids, err := tx.backups(ctx, tx.request.Provider)
	if err != nil {
		return nil, tx.undeterminedNoChange(err)
	}
	for _, id := range ids {
		if id.Source != tx.source.Version-1 {
			continue
		}
		found, err := tx.inspect(ctx, tx.request.Provider, id)
		if err != nil {
			return nil, tx.undeterminedNoChange(err)
		}
		if found.outcome == protocol.Committed && id.Matches(found.backup, current) {
			return tx.finishResumed(ctx, found)
		}
	}
	return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, Version: tx.source.Version}
}

// asAsked: the secret is in force as it was asked for, and whether this rotation made it
// so could not be found out. An error that means that nothing was applied would be wrong.
func (tx *transaction) undeterminedNoChange(err error) error {
	failed := vaulterr.Undetermined("", fmt.Sprintf("the secret is in force as asked for, in version %d; "+
		"whether this rotation put it there could not be found out", tx.source.Version), err)
	failed.Version = tx.source.Version
	failed.Hint = "do not revoke the new key; run the rotation again to have it recorded"
	return failed
}

func (tx *transaction) finishResumed(ctx context.Context, found *inspection) (*Result, error) {
	tx.id = found.id
	if tx.request.Check != nil {
		tx.warnings = append(tx.warnings, "this very change is in force already, so the new secret was not verified")
	}
	if tx.request.DryRun {
		return &Result{Record: found.toRecord(tx.Now()), Resumed: true, Warnings: tx.warnings}, nil
	}
	defer tx.listUnrecorded(ctx)()
	return tx.acknowledge(ctx, found.toRecord(tx.Now()), true, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.recordInspection(ctx, found)
	})
}

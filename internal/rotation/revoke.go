package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Retirement asks to revoke the keys that a rotation replaced.
type Retirement struct {
	Provider, ID  string
	Actor, Reason string
	// OtherProviders: refuse keys that another provider's secret holds.
	OtherProviders bool
	// Check refuses keys that cannot be revoked. It is called before anything is written.
	Check func(old map[string]any) error
	// Revoke revokes the old fields at their issuer, and says whether they were
	// gone already. It is called once.
	Revoke func(ctx context.Context, old map[string]any) (alreadyGone bool, err error)
}

// RevokeOld has the keys that a committed rotation replaced revoked, unless one
// of them is in force or may come to be, and records it. Done already is done.
func (e *Engine) RevokeOld(ctx context.Context, r Retirement) (*protocol.Revocation, error) {
	id, err := protocol.ParseID(r.ID)
	if err != nil {
		return nil, vaulterr.Invalid("rotation id: %v", err)
	}
	stands, err := e.readRevocation(ctx, r.Provider, r.ID, protocol.RevokedSuffix)
	if err == nil || !errors.Is(err, vaulterr.ErrNotFound) {
		return stands, err
	}
	if err := e.Store.CheckCapabilities(ctx, needsToRevoke(r.Provider, r.ID)); err != nil {
		return nil, err
	}
	old, err := e.retired(ctx, r)
	if err != nil {
		return nil, err
	}
	check := func() error {
		if err := e.checkNotInForce(ctx, r.Provider, old); err != nil {
			return err
		}
		return e.checkGeneration(ctx, r.Provider, id)
	}
	if err := check(); err != nil {
		return nil, err // before it leaves a trace
	}
	revocation := e.newRevocation(r, old)
	if r.OtherProviders {
		if revocation.NotRead, err = e.checkElsewhere(ctx, r.Provider, old); err != nil {
			return nil, err
		}
	}
	attempt := protocol.Attempt{Kind: protocol.RevokesOld, Rotation: r.ID, Provider: r.Provider, Actor: r.Actor, Reason: r.Reason,
		Hint: "revoke the old key of this rotation again to finish it"}
	err = e.handOver(ctx, attempt, old, check, func() (err error) {
		revocation.AlreadyGone, err = r.Revoke(ctx, old)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.recordRevoked(ctx, revocation)
}

// recordRevoked says that the issuer has revoked the keys.
func (e *Engine) recordRevoked(ctx context.Context, revocation protocol.Revocation) (*protocol.Revocation, error) {
	revocation.RevokedAt = e.Now().UTC()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	stands, err := e.recordRevocation(bounded, revocation, protocol.RevokedSuffix)
	if err != nil {
		failed := vaulterr.Undetermined(revocation.ID, "revoked at the issuer, but the record of it could not be written", err)
		failed.Hint = "revoke it again: that writes the record"
		return &revocation, failed
	}
	stands.NotRead = revocation.NotRead
	return stands, nil
}

// needsToRevoke are the rights without which a revocation must not start.
func needsToRevoke(provider, id string) []kv.Need {
	return append(needsToAttempt(provider),
		kv.Need{Key: providerKey(provider), Door: "data", Capability: "read"},
		kv.Need{Key: providerKey(provider), Door: "metadata", Capability: "read"},
		kv.Need{Key: backupKey(provider, id), Door: "data", Capability: "read"},
		kv.Need{Key: backupKey(provider, id), Door: "metadata", Capability: "read"},
		kv.Need{Key: backupKey(provider), Door: "metadata", Capability: "list"},
		kv.Need{Key: recordKey(provider, id), Door: "data", Capability: "create"},
		kv.Need{Key: recordKey(provider, id), Door: "data", Capability: "read"},
		kv.Need{Key: recordKey(provider), Door: "metadata", Capability: "list"})
}

// needsToAttempt are the rights for an attempt's entries.
func needsToAttempt(provider string) []kv.Need {
	entry := attemptKey(provider, anyAttempt(provider))
	return []kv.Need{
		{Key: entry, Door: "data", Capability: "create"},
		{Key: entry, Door: "data", Capability: "read"},
	}
}

// anyAttempt is the name of an entry, to ask for rights with.
func anyAttempt(provider string) string {
	return protocol.AttemptName(provider, "", "", protocol.NewAttemptID())
}

// retired are the keys of a backup that its rotation replaced.
func (e *Engine) retired(ctx context.Context, r Retirement) (map[string]any, error) {
	record, err := e.committedRecord(ctx, r.Provider, r.ID)
	if err != nil {
		return nil, err
	}
	backup, err := e.Store.Read(ctx, backupKey(r.Provider, r.ID))
	if err != nil {
		return nil, noBackup(r.ID, err)
	}
	old := maps.Clone(backup.Data)
	maps.DeleteFunc(old, func(field string, value any) bool {
		_, isKey := protocol.KeyText(value)
		return !slices.Contains(record.FieldsChanged, field) || !isKey && scalar(value)
	})
	if len(old) == 0 {
		return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, ID: r.ID, Detail: "this rotation replaced no key, it only added fields",
			Hint: "there is nothing to revoke"}
	}
	if r.Check != nil {
		err = r.Check(old)
	}
	return old, err
}

// scalar reports a value that is neither a list nor an object.
func scalar(value any) bool {
	switch value.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}

// TakeBack has keys revoked that were issued for a rotation of the provider which failed,
// unless they are in force, here or under another provider whose secret the token may read, or
// another run may put them in force here. asked says whether
// the issuer was asked.
func (e *Engine) TakeBack(ctx context.Context, provider string, keys map[string]any, actor string, revoke func() error) (asked bool, err error) {
	attempt := protocol.Attempt{Kind: protocol.TakesBack, Provider: provider, Actor: actor,
		Hint: "the rotation that this key was issued for failed"}
	if !e.OnlyOwnProvider {
		if _, err := e.checkElsewhere(ctx, provider, keys); err != nil {
			return false, err
		}
	}
	err = e.handOver(ctx, attempt, keys, func() error { return e.checkNotInForce(ctx, provider, keys) }, func() error {
		err := revoke()
		asked = !errors.Is(err, vaulterr.ErrNotAsked)
		return err
	})
	return asked, err
}

// committedRecord reads a rotation's record, or has the rule write it first.
func (e *Engine) committedRecord(ctx context.Context, provider, id string) (protocol.Record, error) {
	record, err := e.readRecord(ctx, provider, id)
	if errors.Is(err, vaulterr.ErrNotFound) {
		record, err = e.settle(ctx, provider, id)
	}
	switch {
	case err != nil:
		return record, err
	case record.Outcome != protocol.Committed:
		return record, refuseToRevoke(id, fmt.Sprintf("this rotation is %s", record.Outcome))
	case record.Backup == "":
		return record, refuseToRevoke(id, "this rotation restored a secret, and its backup is what it put in force")
	}
	return record, nil
}

// settle applies the rule to one rotation without a record.
func (e *Engine) settle(ctx context.Context, provider, id string) (protocol.Record, error) {
	if err := e.checkBegun(ctx, provider, id); err != nil {
		return protocol.Record{}, err
	}
	parsed, err := protocol.ParseID(id)
	if err != nil {
		return protocol.Record{}, vaulterr.Invalid("rotation id: %v", err)
	}
	found, err := e.investigate(ctx, provider, parsed)
	if err != nil {
		return protocol.Record{}, err
	}
	if !decided(found.outcome) {
		return found.record(e.Now()), nil
	}
	record, _, err := e.recordFinding(ctx, found)
	return record, err
}

func refuseToRevoke(id, why string) error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: id, Detail: why + ", so its old keys may be in use",
		Hint: "revoke only what a committed rotation replaced for good"}
}

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
	// Revoke revokes the old fields at their issuer, and says whether they were
	// gone already. It is called once.
	Revoke func(ctx context.Context, old map[string]any) (alreadyGone bool, err error)
}

// RevokeOld has the keys that a committed rotation replaced revoked, unless one
// of them is in force or may come to be, and records it: before, so that no
// rollback brings them back unaware, and after. Done already is done.
func (e *Engine) RevokeOld(ctx context.Context, r Retirement) (*protocol.Revocation, error) {
	if _, err := protocol.ParseID(r.ID); err != nil {
		return nil, vaulterr.Invalid("rotation id: %v", err)
	}
	stands, err := e.readRevocation(ctx, r.Provider, r.ID, protocol.RevokedSuffix)
	if err == nil || !errors.Is(err, vaulterr.ErrNotFound) {
		return stands, err
	}
	if err := e.Store.CheckCapabilities(ctx, needsToRevoke(r.Provider, r.ID)); err != nil {
		return nil, err
	}
	old, err := e.retired(ctx, r.Provider, r.ID)
	if err != nil {
		return nil, err
	}
	revocation := e.newRevocation(r, old)
	if _, err := e.recordRevocation(ctx, revocation, protocol.RevokingSuffix); err != nil {
		return nil, err // the issuer was not asked
	}
	alreadyGone, err := r.Revoke(ctx, old)
	if err != nil {
		return nil, err
	}
	revocation.AlreadyGone, revocation.RevokedAt = alreadyGone, e.Now().UTC()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	stands, err = e.recordRevocation(bounded, revocation, protocol.RevokedSuffix)
	if err != nil {
		failed := vaulterr.Undetermined(r.ID, "revoked at the issuer, but the record of it could not be written", err)
		failed.Hint = "revoke it again: that writes the record"
		return &revocation, failed
	}
	return stands, nil
}

// needsToRevoke are the rights without which a revocation must not start.
func needsToRevoke(provider, id string) []kv.Need {
	return []kv.Need{
		{Key: providerKey(provider), Door: "data", Capability: "read"},
		{Key: backupKey(provider, id), Door: "data", Capability: "read"},
		{Key: backupKey(provider, id), Door: "metadata", Capability: "read"},
		{Key: backupKey(provider), Door: "metadata", Capability: "list"},
		{Key: recordKey(provider, id), Door: "data", Capability: "create"},
		{Key: recordKey(provider, id), Door: "data", Capability: "read"},
		{Key: recordKey(provider), Door: "metadata", Capability: "list"},
	}
}

// retired is the part of a backup that its rotation replaced, if none of it is in
// force.
func (e *Engine) retired(ctx context.Context, provider, id string) (map[string]any, error) {
	record, err := e.committedRecord(ctx, provider, id)
	if err != nil {
		return nil, err
	}
	backup, err := e.Store.Read(ctx, backupKey(provider, id))
	if err != nil {
		return nil, noBackup(id, err)
	}
	current, err := e.Store.Read(ctx, providerKey(provider))
	if err != nil {
		return nil, err
	}
	old := maps.Clone(backup.Data)
	maps.DeleteFunc(old, func(field string, _ any) bool { return !slices.Contains(record.FieldsChanged, field) })
	if current.Version < record.NewVersion {
		return nil, refuseToRevoke(id, "the provider was deleted and created anew since")
	}
	for _, field := range slices.Sorted(maps.Keys(old)) {
		if holds(current.Data, old[field]) || sameData(only(current.Data, field), only(old, field)) {
			return nil, refuseToRevoke(id, fmt.Sprintf("the current version %d holds the old value of field %q", current.Version, field))
		}
	}
	if len(old) == 0 {
		return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, ID: id, Detail: "this rotation replaced no field, it only added some",
			Hint: "there is nothing to revoke"}
	}
	// Last, for it may change at any time.
	pending, err := e.pendingAt(ctx, provider, current.Version)
	if err == nil && len(pending) > 0 {
		err = &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: pending[0].String(), Version: current.Version,
			Detail: "a rotation of the current version is undecided, and may bring the old keys back", Hint: "run it again or abort it first"}
	}
	return old, err
}

// pendingAt lists the rotations of a version that have no record.
func (e *Engine) pendingAt(ctx context.Context, provider string, version int) ([]protocol.ID, error) {
	ids, err := e.unrecorded(ctx, provider)
	return slices.DeleteFunc(ids, func(id protocol.ID) bool { return id.Source != version }), err
}

// only is the one field of a secret, if it has it.
func only(secret map[string]any, field string) map[string]any {
	value, has := secret[field]
	if !has {
		return map[string]any{}
	}
	return map[string]any{field: value}
}

// MayBeInForce reports that a key stands in the provider's current secret, or that
// a rotation other than ours, which wrote its own backup, may put it there yet.
func (e *Engine) MayBeInForce(ctx context.Context, provider string, key map[string]any, ours string) (bool, error) {
	current, err := e.Store.Read(ctx, providerKey(provider))
	if err != nil {
		return false, err
	}
	for _, value := range key {
		if holds(current.Data, value) {
			return true, nil
		}
	}
	pending, err := e.pendingAt(ctx, provider, current.Version)
	return slices.ContainsFunc(pending, func(id protocol.ID) bool { return id.String() != ours }), err
}

// holds reports that a secret has the text in any of its fields: keys move
// between fields, too. A number or a boolean is no key.
func holds(secret map[string]any, value any) bool {
	text, isText := value.(string)
	if !isText {
		return false
	}
	for _, one := range secret {
		if one == text {
			return true
		}
	}
	return false
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

package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
// of them is in force again, and records it. Done already is done.
func (e *Engine) RevokeOld(ctx context.Context, r Retirement) (*protocol.Revocation, error) {
	if _, err := protocol.ParseID(r.ID); err != nil {
		return nil, vaulterr.Invalid("rotation id: %v", err)
	}
	stands, err := e.readRevocation(ctx, r.Provider, r.ID)
	if err == nil || !errors.Is(err, vaulterr.ErrNotFound) {
		return stands, err
	}
	old, err := e.retired(ctx, r.Provider, r.ID)
	if err != nil {
		return nil, err
	}
	alreadyGone, err := r.Revoke(ctx, old)
	if err != nil {
		return nil, err
	}
	return e.recordRevocation(ctx, protocol.Revocation{
		Schema: protocol.Schema, ID: r.ID, Provider: r.Provider, Fields: slices.Sorted(maps.Keys(old)),
		AlreadyGone: alreadyGone, Actor: r.Actor, Reason: r.Reason, RevokedAt: e.Now().UTC(),
	})
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
		if holds(current.Data, old[field]) {
			return nil, refuseToRevoke(id, fmt.Sprintf("the current version %d holds the old value of field %q", current.Version, field))
		}
	}
	if len(old) == 0 {
		return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, ID: id, Detail: "this rotation replaced no field, it only added some",
			Hint: "there is nothing to revoke"}
	}
	return old, nil
}

// HoldsAny reports that one of a key's texts stands anywhere in a secret.
func HoldsAny(secret, key map[string]any) bool {
	for _, value := range key {
		if holds(secret, value) {
			return true
		}
	}
	return false
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
	if err != nil || !decided(found.outcome) {
		return found.record(e.Now()), err
	}
	record, _, err := e.recordFinding(ctx, found)
	return record, err
}

func refuseToRevoke(id, why string) error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: id, Detail: why + ", so its old keys may be in use",
		Hint: "revoke only what a committed rotation replaced for good"}
}

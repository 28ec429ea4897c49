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

// RevokeRequest asks to revoke the keys that a rotation replaced.
type RevokeRequest struct {
	Provider, ID  string
	Actor, Reason string
	// CheckOtherProviders refuses keys that another provider's secret contains.
	CheckOtherProviders bool
	// Check, if not nil, refuses keys that cannot be revoked. It is called before anything is
	// written.
	Check func(old map[string]any) error
	// Revoke calls the provider's API to revoke the old keys. It reports whether they were
	// revoked before. It is called once.
	Revoke func(ctx context.Context, old map[string]any) (alreadyGone bool, err error)
}

// RevokeOld revokes the keys that a committed rotation replaced, unless one of them is or may
// get in force, and records it. If the record exists, RevokeOld returns it.
func (e *Engine) RevokeOld(ctx context.Context, r RevokeRequest) (*protocol.Revocation, error) {
	id, err := protocol.ParseID(r.ID)
	if err != nil {
		return nil, vaulterr.Invalid("rotation id: %v", err)
	}
	recorded, err := e.readRevocation(ctx, r.Provider, r.ID, protocol.RevokedSuffix)
	if err == nil || !errors.Is(err, vaulterr.ErrNotFound) {
		return recorded, err
	}
	if err := e.checkCapabilities(ctx, r.Provider, revokeCapabilities(r.Provider, r.ID)); err != nil {
		return nil, err
	}
	old, err := e.replacedKeys(ctx, r)
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
		return nil, err // before anything is written
	}
	revocation := e.newRevocation(r, old)
	if r.CheckOtherProviders {
		if revocation.NotRead, err = e.checkOtherProviders(ctx, r.Provider, old); err != nil {
			return nil, err
		}
	}
	attempt := protocol.Attempt{Kind: protocol.KindRevokeOld, Rotation: r.ID, Provider: r.Provider, Actor: r.Actor, Reason: r.Reason,
		Hint: "revoke the old key of this rotation again to finish it"}
	err = e.revokeKeys(ctx, attempt, old, check, func() (err error) {
		revocation.AlreadyGone, err = r.Revoke(ctx, old)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.recordRevoked(ctx, revocation)
}

// recordRevoked records that the provider's API has revoked the keys.
func (e *Engine) recordRevoked(ctx context.Context, revocation protocol.Revocation) (*protocol.Revocation, error) {
	revocation.RevokedAt = e.Now().UTC()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	stored, err := e.recordRevocation(bounded, revocation, protocol.RevokedSuffix)
	if err != nil {
		failed := vaulterr.Undetermined(revocation.ID, "the provider's API has revoked the keys, but the record of it could not be written", err)
		failed.Hint = "revoke them again: that writes the record"
		return &revocation, failed
	}
	stored.NotRead = revocation.NotRead
	return stored, nil
}

// revokeCapabilities returns the capabilities that a revocation uses.
func revokeCapabilities(provider, id string) []kv.PathCapability {
	return append(attemptCapabilities(provider),
		kv.PathCapability{Entry: providerEntry(provider), Endpoint: "data", Capability: "read"},
		kv.PathCapability{Entry: providerEntry(provider), Endpoint: "metadata", Capability: "read"},
		kv.PathCapability{Entry: backupEntry(provider, id), Endpoint: "data", Capability: "read"},
		kv.PathCapability{Entry: backupEntry(provider, id), Endpoint: "metadata", Capability: "read"},
		kv.PathCapability{Entry: backupEntry(provider), Endpoint: "metadata", Capability: "list"},
		kv.PathCapability{Entry: recordEntry(provider, id), Endpoint: "data", Capability: "create"},
		kv.PathCapability{Entry: recordEntry(provider, id), Endpoint: "data", Capability: "read"},
		kv.PathCapability{Entry: recordEntry(provider), Endpoint: "metadata", Capability: "list"})
}

// attemptCapabilities returns the capabilities that the entries of an attempt need.
func attemptCapabilities(provider string) []kv.PathCapability {
	entry := attemptEntry(provider, sampleAttemptName(provider))
	return []kv.PathCapability{
		{Entry: entry, Endpoint: "data", Capability: "create"},
		{Entry: entry, Endpoint: "data", Capability: "read"},
	}
}

// sampleDirectory returns a directory with which the right to list can be checked: it is the
// same for every directory.
func sampleDirectory(provider string) string {
	return protocol.AttemptDirectory(sampleAttemptName(provider))
}

// sampleAttemptName returns a name with which capabilities can be checked: they are the same
// for every entry.
func sampleAttemptName(provider string) string {
	return protocol.AttemptName(provider, "", "", protocol.NewAttemptID())
}

// replacedKeys returns the keys in the backup that the rotation replaced.
func (e *Engine) replacedKeys(ctx context.Context, r RevokeRequest) (map[string]any, error) {
	record, err := e.committedRecord(ctx, r.Provider, r.ID)
	if err != nil {
		return nil, err
	}
	backup, err := e.Store.Read(ctx, backupEntry(r.Provider, r.ID))
	if err != nil {
		return nil, backupNotFound(r.ID, err)
	}
	old := maps.Clone(backup.Data)
	maps.DeleteFunc(old, func(field string, value any) bool {
		_, isKey := protocol.KeyText(value)
		return !slices.Contains(record.FieldsChanged, field) || !isKey && isScalar(value)
	})
	if len(old) == 0 {
		return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, ID: r.ID, Detail: "this rotation replaced no key",
			Hint: "there is nothing to revoke"}
	}
	if r.Check != nil {
		err = r.Check(old)
	}
	return old, err
}

// isScalar reports whether a value is neither a list nor an object.
func isScalar(value any) bool {
	switch value.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}

// RevokeUnused revokes keys that were issued for a failed rotation of the provider. It refuses
// keys that are in force, here or under another provider that the token may read, and keys that
// another run may put in force here. called reports whether the provider's API was called.
func (e *Engine) RevokeUnused(ctx context.Context, provider string, keys map[string]any, actor string, revoke func() error) (called bool, err error) {
	attempt := protocol.Attempt{Kind: protocol.KindRevokeUnused, Provider: provider, Actor: actor,
		Hint: "the rotation that this key was issued for failed"}
	if !e.SkipOtherProviders {
		if _, err := e.checkOtherProviders(ctx, provider, keys); err != nil {
			return false, err
		}
	}
	err = e.revokeKeys(ctx, attempt, keys, func() error { return e.checkNotInForce(ctx, provider, keys) }, func() error {
		err := revoke()
		called = !errors.Is(err, vaulterr.ErrNotAsked)
		return err
	})
	return called, err
}

// committedRecord reads a rotation's record. If there is none, the rule writes it first.
func (e *Engine) committedRecord(ctx context.Context, provider, id string) (protocol.Record, error) {
	record, err := e.readRecord(ctx, provider, id)
	if errors.Is(err, vaulterr.ErrNotFound) {
		record, err = e.recoverOne(ctx, provider, id)
	}
	switch {
	case err != nil:
		return record, err
	case record.Outcome != protocol.Committed:
		return record, refuseToRevoke(id, fmt.Sprintf("this rotation is %s", record.Outcome))
	case record.Backup == "":
		return record, refuseToRevoke(id, "this rotation restored a secret, and its backup holds that secret")
	}
	return record, nil
}

// recoverOne applies the rule to one unrecorded rotation.
func (e *Engine) recoverOne(ctx context.Context, provider, id string) (protocol.Record, error) {
	if err := e.checkBackupExists(ctx, provider, id); err != nil {
		return protocol.Record{}, err
	}
	parsed, err := protocol.ParseID(id)
	if err != nil {
		return protocol.Record{}, vaulterr.Invalid("rotation id: %v", err)
	}
	found, err := e.inspect(ctx, provider, parsed)
	if err != nil {
		return protocol.Record{}, err
	}
	if !isDecided(found.outcome) {
		return found.toRecord(e.Now()), nil
	}
	record, _, err := e.recordInspection(ctx, found)
	return record, err
}

// newRevocation returns the record of a revocation that begins. Its fingerprints are for older
// versions of vaultkit, which look for them. This version looks for the attempts' entries.
func (e *Engine) newRevocation(r RevokeRequest, old map[string]any) protocol.Revocation {
	revocation := protocol.Revocation{Schema: protocol.Schema, ID: r.ID, Provider: r.Provider, Fields: slices.Sorted(maps.Keys(old)),
		Actor: r.Actor, Reason: r.Reason, BegunAt: e.Now().UTC()}
	for _, field := range revocation.Fields {
		value, isText := old[field].(string)
		text, isKey := protocol.KeyText(old[field])
		if isText {
			revocation.Fingerprints = append(revocation.Fingerprints, protocol.KeyFingerprint(r.ID, value))
		}
		if isKey && text != value {
			revocation.Fingerprints = append(revocation.Fingerprints, protocol.KeyFingerprint(r.ID, text))
		}
	}
	return revocation
}

package rotation

import (
	"context"
	"errors"
	"slices"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// The entries below the base path are in four directories. Without an id or a name, these functions
// return the provider's directory.
func providerEntry(provider string) kv.EntryName { return kv.EntryName{"providers", provider} }

func backupEntry(provider string, id ...string) kv.EntryName {
	return append(kv.EntryName{"backups", provider}, id...)
}

func recordEntry(provider string, id ...string) kv.EntryName {
	return append(kv.EntryName{"rotations", provider}, id...)
}

func attemptsDir(provider string, directory ...string) kv.EntryName {
	return append(kv.EntryName{"revocations", provider}, directory...)
}

func attemptEntry(provider, name string) kv.EntryName {
	return attemptsDir(provider, protocol.AttemptDirectory(name), name)
}

// backups returns the ids of the provider's backups, oldest first. It ignores names that are
// not rotation ids.
func (e *Engine) backups(ctx context.Context, provider string) ([]protocol.ID, error) {
	return e.ids(ctx, backupEntry(provider))
}

// recorded returns the ids that have a record, oldest first.
func (e *Engine) recorded(ctx context.Context, provider string) ([]protocol.ID, error) {
	return e.ids(ctx, recordEntry(provider))
}

// unrecorded returns the ids that have a backup and no record, oldest first.
func (e *Engine) unrecorded(ctx context.Context, provider string) ([]protocol.ID, error) {
	// Backups first: otherwise a rotation recorded between the two lists would look unrecorded.
	ids, err := e.backups(ctx, provider)
	if err != nil {
		return nil, err
	}
	recorded, err := e.recorded(ctx, provider)
	if err != nil {
		return nil, err
	}
	hasRecord := idSet(recorded)
	return slices.DeleteFunc(ids, func(id protocol.ID) bool { return hasRecord[id] }), nil
}

func (e *Engine) ids(ctx context.Context, dir kv.EntryName) ([]protocol.ID, error) {
	names, err := e.Store.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	var ids []protocol.ID
	for _, name := range names {
		if id, err := protocol.ParseID(name); err == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, protocol.ID.Compare)
	return ids, nil
}

func idSet(ids []protocol.ID) map[protocol.ID]bool {
	set := make(map[protocol.ID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// sameData reports whether Vault stores two secrets as the same JSON.
func sameData(a, b map[string]any) bool {
	one, err1 := protocol.Canonical(a)
	two, err2 := protocol.Canonical(b)
	return err1 == nil && err2 == nil && string(one) == string(two)
}

// checkBackupExists returns an error if no backup has the id, so that a mistyped id fences
// nothing. The backup may be empty.
func (e *Engine) checkBackupExists(ctx context.Context, provider, id string) error {
	_, err := e.Store.Metadata(ctx, backupEntry(provider, id))
	return backupNotFound(id, err)
}

// backupNotFound turns ErrNotFound into the error for a missing backup.
func backupNotFound(id string, err error) error {
	if !errors.Is(err, vaulterr.ErrNotFound) {
		return err
	}
	return &vaulterr.Error{Kind: vaulterr.ErrNotFound, ID: id, Detail: "this provider has no such backup", Err: err,
		Hint: "list the provider's backups and choose one"}
}

// listWorkers limits how many entries of a list are read at the same time.
const listWorkers = 16

package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// rollbackSource marks the records of rollbacks, so that a second careless
// rollback is recognised.
const rollbackSource = "rollback:"

// Rollback is a rotation whose new secret is exactly the backup's. Without an
// id it takes the backup of the newest rotation, if that is beyond doubt the
// one to undo.
func (e *Engine) Rollback(ctx context.Context, id string, request Request) (*Result, error) {
	undo := 0 // the version to undo, where the caller left that to us
	if id == "" {
		newest, err := e.rollbackTarget(ctx, request)
		if err != nil {
			return nil, err
		}
		id, undo = newest.Backup, newest.NewVersion
	}
	if _, err := protocol.ParseID(id); err != nil {
		return nil, vaulterr.Invalid("backup id: %v", err)
	}
	backup, err := e.Store.Read(ctx, backupKey(request.Provider, id))
	if err != nil {
		return nil, noBackup(id, err)
	}
	if !request.AllowRevoked {
		if err := e.checkNotRevoked(ctx, request.Provider, id, backup.Data); err != nil {
			return nil, err
		}
	}
	request.Source = rollbackSource + id
	if request.RestoreDeleted {
		deleted, err := e.Store.Read(ctx, providerKey(request.Provider))
		if errors.Is(err, vaulterr.ErrDeleted) {
			if err := checkUndo(undo, deleted.Version); err != nil {
				return nil, err
			}
			return e.restore(ctx, request, deleted, backup.Data)
		}
	}
	request.Change = func(_ context.Context, current Current) (map[string]any, error) {
		if err := checkUndo(undo, current.Version); err != nil {
			return nil, err
		}
		if undo != 0 && !undoes(id, backup.Data, current.Data) {
			return nil, &vaulterr.Error{Kind: vaulterr.ErrInvalid, ID: id, Version: current.Version,
				Detail: "the record of the newest rotation does not fit the current secret", Hint: "name the backup to restore"}
		}
		return backup.Data, nil
	}
	return e.Rotate(ctx, request)
}

// checkUndo makes sure that what is replaced is the version that was chosen to be
// undone, if one was.
func checkUndo(chosen, current int) error {
	if chosen == 0 || chosen == current {
		return nil
	}
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Version: current,
		Detail: fmt.Sprintf("version %d was to be undone, and was replaced meanwhile", chosen)}
}

// undoes reports that the rotation id made the current secret of the backup's.
func undoes(id string, backup, current map[string]any) bool {
	parsed, err1 := protocol.ParseID(id)
	before, err2 := protocol.Canonical(backup)
	after, err3 := protocol.Canonical(current)
	return err1 == nil && err2 == nil && err3 == nil && parsed.Matches(before, after)
}

func noBackup(id string, err error) error {
	if !errors.Is(err, vaulterr.ErrNotFound) {
		return err
	}
	return &vaulterr.Error{Kind: vaulterr.ErrNotFound, ID: id, Detail: "this provider has no such backup", Err: err,
		Hint: "list the provider's backups and name one of them"}
}

// rollbackTarget is the newest committed rotation, if its value is the current
// one and it was not a rollback itself: the next one back could bring the bad
// key back.
func (e *Engine) rollbackTarget(ctx context.Context, request Request) (protocol.Record, error) {
	none, provider := protocol.Record{}, request.Provider
	// A rotation that is in force and unrecorded is the very one to undo.
	if !request.DryRun {
		if _, _, err := e.resolveAll(ctx, provider); err != nil {
			return none, err
		}
	}
	current, err := e.providerFacts(ctx, provider)
	if err != nil {
		return none, err
	}
	records, err := e.History(ctx, provider)
	if err != nil {
		return none, err
	}
	committed := slices.DeleteFunc(records, func(r protocol.Record) bool { return r.Outcome != protocol.Committed })
	if len(committed) == 0 {
		return none, &vaulterr.Error{Kind: vaulterr.ErrNotFound, Detail: "no recorded rotation to roll back",
			Hint: "list the provider's backups and name one of them"}
	}
	var why string
	newest := committed[0]
	switch {
	case newest.NewVersion != current.Current:
		why = fmt.Sprintf("the current version %d was not written by the newest rotation (version %d)", current.Current, newest.NewVersion)
	case strings.HasPrefix(newest.Source, rollbackSource):
		why = "the current version came from a rollback"
	default:
		return newest, nil
	}
	var candidates []string
	ids, err := e.backups(ctx, provider)
	if err != nil {
		return none, err
	}
	for _, record := range committed { // a restore had nothing to back up, and old backups are pruned
		if slices.ContainsFunc(ids, func(id protocol.ID) bool { return id.String() == record.Backup }) {
			candidates = append(candidates, record.Backup)
		}
	}
	return none, &vaulterr.Error{Kind: vaulterr.ErrInvalid, Version: current.Current,
		Detail: why + ", so which backup to restore is yours to say",
		Hint:   "name one of the backups " + fewest(candidates)}
}

// fewest names the first few of many.
func fewest(ids []string) string {
	const enough = 5
	if len(ids) <= enough {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s, or one of the %d older ones", strings.Join(ids[:enough], ", "), len(ids)-enough)
}

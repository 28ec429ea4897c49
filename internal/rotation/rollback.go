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
	expected := 0 // the version to undo, where the caller left that to us
	if id == "" {
		newest, err := e.rollbackTarget(ctx, request)
		if err != nil {
			return nil, err
		}
		id, expected = newest.Backup, newest.NewVersion
	}
	if _, err := protocol.ParseID(id); err != nil {
		return nil, vaulterr.Invalid("backup id: %v", err)
	}
	backup, err := e.Store.Read(ctx, backupKey(request.Provider, id))
	if err != nil {
		return nil, backupNotFound(id, err)
	}
	if !request.AllowRevoked {
		if err := e.checkNotRevoked(ctx, request.Provider, id, backup.Data); err != nil {
			return nil, err
		}
	}
	request.Source, request.IssuesNoKey = rollbackSource+id, true
	if request.RestoreDeleted {
		deleted, err := e.Store.Read(ctx, providerKey(request.Provider))
		if errors.Is(err, vaulterr.ErrDeleted) {
			if err := checkExpectedVersion(expected, deleted.Version); err != nil {
				return nil, err
			}
			return e.restore(ctx, request, deleted, backup.Data)
		}
	}
	request.KnownFields = backup.Data
	request.Change = func(_ context.Context, current Current) (map[string]any, error) {
		if err := checkExpectedVersion(expected, current.Version); err != nil {
			return nil, err
		}
		if expected != 0 && !rotationMade(id, backup.Data, current.Data) {
			return nil, &vaulterr.Error{Kind: vaulterr.ErrInvalid, ID: id, Version: current.Version,
				Detail: "the record of the newest rotation does not fit the current secret", Hint: "name the backup to restore"}
		}
		return backup.Data, nil
	}
	return e.Rotate(ctx, request)
}

// checkUndo makes sure that what is replaced is the version that was chosen to be
// undone, if one was.
func checkExpectedVersion(expected, current int) error {
	if expected == 0 || expected == current {
		return nil
	}
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Version: current,
		Detail: fmt.Sprintf("version %d was to be undone, and was replaced meanwhile", expected)}
}

// undoes reports that the rotation id made the current secret of the backup's.
func rotationMade(id string, backup, current map[string]any) bool {
	parsed, err1 := protocol.ParseID(id)
	before, err2 := protocol.Canonical(backup)
	after, err3 := protocol.Canonical(current)
	return err1 == nil && err2 == nil && err3 == nil && parsed.Matches(before, after)
}

// rollbackTarget is the committed rotation that made the current version, if it was not a
// rollback itself: the next one back could bring the bad key back.
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
	recorded, err := e.recorded(ctx, provider)
	if err != nil {
		return none, err
	}
	if len(recorded) == 0 {
		return none, &vaulterr.Error{Kind: vaulterr.ErrNotFound, Detail: "no recorded rotation to roll back",
			Hint: "list the provider's backups and name one of them"}
	}
	record, err := e.currentRecord(ctx, provider, current, recorded)
	switch {
	case err != nil:
		return none, err
	case record == nil:
		return none, e.backupIDRequired(ctx, provider, current, recorded, "the current version %d was not written by a rotation")
	case strings.HasPrefix(record.Source, rollbackSource):
		return none, e.backupIDRequired(ctx, provider, current, recorded, "the current version %d came from a rollback")
	}
	return *record, nil
}

// madeCurrent is the record of what made the current version: one that names a backup rather
// than a restore's, and one that is surely of this provider rather than one that may be.
func (e *Engine) currentRecord(ctx context.Context, provider string, current protocol.Provider, recorded []protocol.ID) (*protocol.Record, error) {
	var found *protocol.Record
	sure := false
	for _, id := range recorded {
		if id.Source != current.Current-1 || current.Generation(id) == protocol.OtherGeneration {
			continue
		}
		record, err := e.readRecordOrUnknown(ctx, provider, id)
		if err != nil {
			return nil, err
		}
		if record.Outcome == protocol.Committed && (found == nil || found.Backup == "" || !sure && current.Generation(id) == protocol.SameGeneration) {
			found, sure = &record, current.Generation(id) == protocol.SameGeneration
		}
	}
	return found, nil
}

// nameOne says that the caller has to choose a backup, and names the newest.
func (e *Engine) backupIDRequired(ctx context.Context, provider string, current protocol.Provider, recorded []protocol.ID, why string) error {
	backups, err := e.backups(ctx, provider)
	if err != nil {
		return err
	}
	slices.SortFunc(recorded, current.Compare)
	exists := idSet(backups)
	var candidates []string
	omitted := 0
	for _, id := range slices.Backward(recorded) {
		if !exists[id] {
			continue // pruned
		}
		if len(candidates) == maxCandidates {
			omitted++
			continue
		}
		record, err := e.readRecordOrUnknown(ctx, provider, id)
		if err != nil {
			return err
		}
		if record.Outcome == protocol.Committed && record.Backup != "" {
			candidates = append(candidates, record.Backup)
		}
	}
	hint := "store the secret to go back to, or rotate to it"
	if len(candidates) > 0 {
		hint = "name one of the backups " + strings.Join(candidates, ", ")
	}
	if omitted > 0 {
		hint += fmt.Sprintf(", or one of up to %d older ones", omitted)
	}
	return &vaulterr.Error{Kind: vaulterr.ErrInvalid, Version: current.Current,
		Detail: fmt.Sprintf(why, current.Current) + ", so which backup to restore is yours to say", Hint: hint}
}

// enoughCandidates is how many backups an error names.
const maxCandidates = 5

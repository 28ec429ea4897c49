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

// rollbackSource is the start of Record.Source in the records of rollbacks. A rollback without
// an id finds an earlier rollback by it.
const rollbackSource = "rollback:"

// Rollback is a rotation that writes a backup's secret. Without an id it takes the backup of
// the rotation that created the current version.
func (e *Engine) Rollback(ctx context.Context, id string, request Request) (*Result, error) {
	expected := 0 // the version that must be current; 0: any
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
	backup, err := e.Store.Read(ctx, backupEntry(request.Provider, id))
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
		deleted, err := e.Store.Read(ctx, providerEntry(request.Provider))
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
				Detail: "the record of the newest rotation does not match the current secret", Hint: "choose the backup to restore"}
		}
		return backup.Data, nil
	}
	return e.Rotate(ctx, request)
}

// checkExpectedVersion returns an error if the current version is not the expected one. 0
// expects any version.
func checkExpectedVersion(expected, current int) error {
	if expected == 0 || expected == current {
		return nil
	}
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, Version: current,
		Detail: fmt.Sprintf("version %d, which was to be rolled back, was replaced meanwhile", expected)}
}

// rotationMade reports whether the rotation id replaced the backup's secret with the current
// one.
func rotationMade(id string, backup, current map[string]any) bool {
	parsed, err1 := protocol.ParseID(id)
	before, err2 := protocol.Canonical(backup)
	after, err3 := protocol.Canonical(current)
	return err1 == nil && err2 == nil && err3 == nil && parsed.Matches(before, after)
}

// rollbackTarget returns the record of the rotation that created the current version. It
// refuses a rollback: rolling that back could bring a bad key back.
func (e *Engine) rollbackTarget(ctx context.Context, request Request) (protocol.Record, error) {
	none, provider := protocol.Record{}, request.Provider
	// The rotation to roll back may be committed and unrecorded.
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
			Hint: "list the provider's backups and choose one"}
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

// currentRecord returns the record of the rotation that created the current version. It prefers
// a record that names a backup to a restore's, and one whose generation is certain to one whose
// generation is not.
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

// backupIDRequired returns the error that asks the caller to choose a backup, and names the
// newest backups.
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
	hint := "rotate to the secret that you want back"
	if len(candidates) > 0 {
		hint = "choose one of the backups " + strings.Join(candidates, ", ")
	}
	if omitted > 0 {
		hint += fmt.Sprintf(", or one of up to %d older ones", omitted)
	}
	return &vaulterr.Error{Kind: vaulterr.ErrInvalid, Version: current.Current,
		Detail: fmt.Sprintf(why, current.Current) + ", so vaultkit cannot choose the backup to restore", Hint: hint}
}

// maxCandidates limits how many backups an error names.
const maxCandidates = 5

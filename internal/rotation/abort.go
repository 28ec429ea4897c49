package rotation

import (
	"context"
	"errors"
	"fmt"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Abort closes a rotation that has no record. If the rotation is undecided, Abort first writes
// a fence: it writes the provider's data again, so that a commit that is still on its way
// cannot be applied. Then the rule decides the outcome. If the rotation is committed, Abort
// returns its record and an ErrConflict.
func (e *Engine) Abort(ctx context.Context, provider, id string) (*Result, error) {
	parsed, err := protocol.ParseID(id)
	if err != nil {
		return nil, vaulterr.Invalid("rotation id: %v", err)
	}
	record, err := e.readRecord(ctx, provider, id)
	switch {
	case err == nil:
		return abortResult(&Result{Record: record, Resumed: true})
	case !errors.Is(err, vaulterr.ErrNotFound):
		return nil, err
	}
	if err := e.checkBackupExists(ctx, provider, id); err != nil {
		return nil, err
	}
	found, err := e.fence(ctx, provider, parsed)
	if err != nil {
		return nil, err
	}
	return e.closeInspected(ctx, found)
}

// fence writes fences until the rotation is no longer undecided.
func (e *Engine) fence(ctx context.Context, provider string, id protocol.ID) (*inspection, error) {
	maybeApplied := false
	for failed := 1; ; failed++ {
		found, err := e.inspect(ctx, provider, id)
		if err != nil {
			return nil, fenceFailed(id, maybeApplied, err)
		}
		if found.outcome != protocol.Undecided && !found.staleMetadata {
			return found, nil
		}
		sent, err := e.writeFence(ctx, provider, id)
		maybeApplied = maybeApplied || sent && (err == nil || vaulterr.MaybeApplied(err))
		done := err == nil || errors.Is(err, vaulterr.ErrConflict)
		if !done && (!sent || !vaulterr.MaybeApplied(err)) {
			return nil, fenceFailed(id, maybeApplied, err)
		}
		if done && failed == 1 {
			continue // the rule can decide now, unless it reads old metadata
		}
		if ended := e.Backoff.Wait(ctx, failed); ended != nil {
			return nil, fenceFailed(id, maybeApplied, vaulterr.Interrupted(err, ended))
		}
	}
}

// writeFence writes the provider's current data again, if its version is still the rotation's
// source.
func (e *Engine) writeFence(ctx context.Context, provider string, id protocol.ID) (sent bool, err error) {
	current, err := e.Store.Read(ctx, providerEntry(provider))
	switch {
	case current.Version > 0 && current.Version != id.Source: // replaced meanwhile, or an old response
		return false, nil
	case err != nil: // a deleted version cannot be written again, so the rotation stays undecided
		return false, err
	}
	_, err = e.Store.Write(ctx, providerEntry(provider), id.Source, current.Data)
	return true, err
}

// fenceFailed returns the error of a failed fence. It is undetermined if a fence may have been
// applied.
func fenceFailed(id protocol.ID, maybeApplied bool, err error) error {
	if maybeApplied {
		return vaulterr.Undetermined(id.String(), "", err)
	}
	return err
}

// closeInspected records the outcome. It also records outcomes that Recover only reports,
// because a person has asked for that.
func (e *Engine) closeInspected(ctx context.Context, found *inspection) (*Result, error) {
	result := &Result{}
	if err := e.copyTagToFence(ctx, found); err != nil {
		result.Warnings = append(result.Warnings, fmt.Sprintf("the expiry tag was not copied to the fence: %v", err))
	}
	switch found.outcome {
	case protocol.Unknown:
		found.cause = "closed by hand: later writes have removed the evidence"
	case protocol.Recreated:
		found.outcome = protocol.Unknown
		found.cause = "closed by hand: the provider was deleted and created anew since"
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RecordWait)
	defer cancel()
	record, created, err := e.recordInspection(bounded, found)
	if err != nil {
		return nil, vaulterr.Undetermined(found.id.String(), fmt.Sprintf("%s, but its record could not be written", found.outcome), err)
	}
	result.Record, result.Resumed = record, !created
	return abortResult(result)
}

// abortResult returns the result, and an ErrConflict if the rotation is committed.
func abortResult(result *Result) (*Result, error) {
	if result.Record.Outcome != protocol.Committed {
		return result, nil
	}
	return result, &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: result.Record.ID, Version: result.Record.NewVersion,
		Detail: "this rotation is committed", Hint: "roll back to its backup instead"}
}

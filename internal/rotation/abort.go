package rotation

import (
	"context"
	"errors"
	"fmt"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Abort closes a rotation that has no record. An undecided one is fenced first:
// the provider's data is written again as it is, so that a commit that is still
// on its way can never pass. Then the rule says what became of it, as always.
// One that turns out committed is returned with an ErrConflict.
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

// fence makes sure that the rotation is not undecided any more.
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
			continue // the rule can tell now, unless it reads old metadata
		}
		if ended := e.Backoff.Wait(ctx, failed); ended != nil {
			return nil, fenceFailed(id, maybeApplied, vaulterr.Interrupted(err, ended))
		}
	}
}

// writeFence writes the provider's current data again, if it is still the rotation's source
// version.
func (e *Engine) writeFence(ctx context.Context, provider string, id protocol.ID) (sent bool, err error) {
	current, err := e.Store.Read(ctx, providerKey(provider))
	switch {
	case current.Version > 0 && current.Version != id.Source: // replaced meanwhile, or an old answer
		return false, nil
	case err != nil: // deleted: nothing to write again, so it stays undecided
		return false, err
	}
	_, err = e.Store.Write(ctx, providerKey(provider), id.Source, current.Data)
	return true, err
}

// fenceFailed: once a copy of the fence is in doubt, or applied and not looked at
// yet, no error is definite.
func fenceFailed(id protocol.ID, maybeApplied bool, err error) error {
	if maybeApplied {
		return vaulterr.Undetermined(id.String(), "", err)
	}
	return err
}

// closeFinding records what the rule said, and closes what it would only report:
// a person has decided.
func (e *Engine) closeInspected(ctx context.Context, found *inspection) (*Result, error) {
	result := &Result{}
	if err := e.copyTagToFence(ctx, found); err != nil {
		result.Warnings = append(result.Warnings, fmt.Sprintf("the expiry tag was not carried over: %v", err))
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

func abortResult(result *Result) (*Result, error) {
	if result.Record.Outcome != protocol.Committed {
		return result, nil
	}
	return result, &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: result.Record.ID, Version: result.Record.NewVersion,
		Detail: "this rotation is committed", Hint: "roll it back instead"}
}

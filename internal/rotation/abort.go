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
		return aborted(&Result{Record: record, Resumed: true})
	case !errors.Is(err, vaulterr.ErrNotFound):
		return nil, err
	}
	if err := e.checkBegun(ctx, provider, id); err != nil {
		return nil, err
	}
	found, err := e.fence(ctx, provider, parsed)
	if err != nil {
		return nil, err
	}
	return e.closeFinding(ctx, found)
}

// checkBegun makes sure that there is a backup under the id, if only an empty
// one: a mistyped id must not fence anything.
func (e *Engine) checkBegun(ctx context.Context, provider, id string) error {
	_, err := e.Store.Metadata(ctx, backupKey(provider, id))
	return noBackup(id, err)
}

// fence makes sure that the rotation is not undecided any more.
func (e *Engine) fence(ctx context.Context, provider string, id protocol.ID) (*finding, error) {
	inDoubt := false
	for failed := 1; ; failed++ {
		found, err := e.investigate(ctx, provider, id)
		if err != nil {
			return nil, fenceFailed(id, inDoubt, err)
		}
		if found.outcome != protocol.Undecided && !found.ahead {
			return found, nil
		}
		sent, err := e.writeFence(ctx, provider, id)
		inDoubt = inDoubt || sent && (err == nil || vaulterr.Doubtful(err))
		answered := err == nil || errors.Is(err, vaulterr.ErrConflict)
		if !answered && (!sent || !vaulterr.Doubtful(err)) {
			return nil, fenceFailed(id, inDoubt, err)
		}
		if answered && failed == 1 {
			continue // the rule can tell now, unless it reads old metadata
		}
		if ended := e.Backoff.Wait(ctx, failed); ended != nil {
			return nil, fenceFailed(id, inDoubt, vaulterr.GaveUp(err, ended))
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
func fenceFailed(id protocol.ID, inDoubt bool, err error) error {
	if inDoubt {
		return vaulterr.Undetermined(id.String(), "", err)
	}
	return err
}

// closeFinding records what the rule said, and closes what it would only report:
// a person has decided.
func (e *Engine) closeFinding(ctx context.Context, found *finding) (*Result, error) {
	result := &Result{}
	if err := e.carryTag(ctx, found); err != nil {
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
	record, created, err := e.recordFinding(bounded, found)
	if err != nil {
		return nil, vaulterr.Undetermined(found.id.String(), fmt.Sprintf("%s, but its record could not be written", found.outcome), err)
	}
	result.Record, result.Resumed = record, !created
	return aborted(result)
}

func aborted(result *Result) (*Result, error) {
	if result.Record.Outcome != protocol.Committed {
		return result, nil
	}
	return result, &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: result.Record.ID, Version: result.Record.NewVersion,
		Detail: "this rotation is committed", Hint: "roll it back instead"}
}

package rotation

import (
	"context"
	"errors"
	"fmt"
	"strconv"

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
	found, fenced, err := e.fence(ctx, provider, parsed)
	if err != nil {
		return nil, err
	}
	return e.closeFinding(ctx, found, fenced)
}

// checkBegun makes sure that there is a backup under the id, if only an empty
// one: a mistyped id must not fence anything.
func (e *Engine) checkBegun(ctx context.Context, provider, id string) error {
	_, err := e.Store.Metadata(ctx, backupKey(provider, id))
	return noBackup(id, err)
}

// fence makes sure that the rotation is not undecided any more, and says so where
// it was its own write that did it.
func (e *Engine) fence(ctx context.Context, provider string, id protocol.ID) (found *finding, fenced bool, err error) {
	var written map[string]any
	inDoubt := false
	for failed := 1; ; failed++ {
		found, err := e.investigate(ctx, provider, id)
		if err != nil {
			return nil, false, fenceFailed(id, inDoubt, err)
		}
		if found.outcome != protocol.Undecided {
			return found, written != nil && sameData(written, found.next), nil
		}
		current, err := e.Store.Read(ctx, providerKey(provider))
		if err != nil { // deleted: nothing to write again, so it stays undecided
			return nil, false, fenceFailed(id, inDoubt, err)
		}
		written = current.Data // of a later version, if it was settled meanwhile: refused then
		_, err = e.Store.Write(ctx, providerKey(provider), id.Source, written)
		inDoubt = inDoubt || err == nil || vaulterr.Doubtful(err)
		switch {
		case err == nil, errors.Is(err, vaulterr.ErrConflict):
			continue // now the rule can tell
		case !vaulterr.Doubtful(err):
			return nil, false, fenceFailed(id, inDoubt, err)
		}
		if ended := e.Backoff.Wait(ctx, failed); ended != nil {
			return nil, false, fenceFailed(id, inDoubt, vaulterr.GaveUp(err, ended))
		}
	}
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
func (e *Engine) closeFinding(ctx context.Context, found *finding, fenced bool) (*Result, error) {
	result := &Result{}
	if fenced {
		found.cause = fmt.Sprintf("fenced by version %d", found.id.Source+1)
		if err := e.retag(ctx, found.provider, found.id.Source); err != nil {
			result.Warnings = append(result.Warnings, fmt.Sprintf("the expiry tag was not carried over: %v", err))
		}
	}
	switch found.outcome {
	case protocol.Unknown:
		found.cause = joinCause(found.cause, "closed by hand: later writes have removed the evidence")
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

func joinCause(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
}

func aborted(result *Result) (*Result, error) {
	if result.Record.Outcome != protocol.Committed {
		return result, nil
	}
	return result, &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: result.Record.ID, Version: result.Record.NewVersion,
		Detail: "this rotation is committed", Hint: "roll it back instead"}
}

// retag moves the expiry tag of a version to the fence that repeats it.
func (e *Engine) retag(ctx context.Context, provider string, from int) error {
	key := providerKey(provider)
	meta, err := e.Store.Metadata(ctx, key)
	if err != nil || meta.Custom[tagVersion] != strconv.Itoa(from) {
		return err
	}
	custom := map[string]string{tagExpires: meta.Custom[tagExpires], tagVersion: strconv.Itoa(from + 1)}
	return e.resend(ctx, func() error { return e.Store.PatchCustomMetadata(ctx, key, custom) })
}

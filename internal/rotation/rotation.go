// Package rotation runs the rotation protocol over a kv.Store. KV v2 has atomic
// single-key check-and-set writes and no transaction over several keys, so:
// the backup is the write-ahead log, the check-and-set write of the provider is
// the commit point, the record is the acknowledgement. No locks, no leases, and
// no clock decides anything.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// Engine runs rotations. Safe for concurrent use.
type Engine struct {
	Store   *kv.Store
	Backoff backoff.Backoff
	Now     func() time.Time
	// RecordWait bounds the writing of a record once its rotation is
	// committed; the caller's context does not. It also bounds what comes after.
	RecordWait time.Duration
}

// Request is one change of one provider.
type Request struct {
	Provider string
	// Change yields the whole new secret. It is called once, before anything is
	// written.
	Change func(ctx context.Context, current Current) (map[string]any, error)
	// Check, if not nil, may refuse the new secret before anything is written.
	Check     func(ctx context.Context, next map[string]any) error
	DryRun    bool
	Actor     string
	Reason    string
	Source    string
	ExpiresAt time.Time
}

// Current is what a rotation starts from.
type Current struct {
	Data    map[string]any
	Version int
	InForce time.Time
}

// Result is what became of a committed rotation.
type Result struct {
	Record   protocol.Record
	Resumed  bool     // found committed or recorded already
	Pending  []string // other rotations of the provider that are undecided
	Warnings []string
}

// transaction is one run of the protocol.
type transaction struct {
	*Engine
	request   Request
	started   time.Time
	id        protocol.ID
	source    kv.Secret      // the version being replaced
	next      map[string]any // the whole new secret
	requests  protocol.RequestIDs
	committed kv.Written // the acknowledged commit, if there was one
}

// Rotate runs one rotation, from the read to the record. Its errors: see the
// root package's Rotate.
func (e *Engine) Rotate(ctx context.Context, request Request) (*Result, error) {
	tx, resumed, err := e.begin(ctx, request)
	if err != nil || resumed != nil {
		return resumed, err
	}
	if request.DryRun {
		return tx.plan(), nil
	}
	if err := tx.backUp(ctx); err != nil {
		return nil, err
	}
	if err := tx.claim(ctx); err != nil {
		return nil, err
	}
	outcome, evidence, err := tx.commit(ctx)
	if err != nil {
		return nil, err
	}
	return tx.finish(ctx, outcome, evidence)
}

// begin reads the provider and makes every check, so that bad input, a missing
// right or a change that is already there ends the rotation before it writes.
func (e *Engine) begin(ctx context.Context, request Request) (*transaction, *Result, error) {
	tx := &transaction{Engine: e, request: request, started: e.Now()}
	source, err := e.Store.Read(ctx, providerKey(request.Provider))
	if err != nil {
		return nil, nil, err
	}
	tx.source = source
	old, err := protocol.Canonical(source.Data)
	if err != nil {
		return nil, nil, vaulterr.Invalid("the current secret cannot be backed up unchanged: %v", err)
	}
	if tx.next, err = request.Change(ctx, Current{Data: source.Data, Version: source.Version, InForce: source.Created}); err != nil {
		return nil, nil, err
	}
	next, err := protocol.CanonicalToStore(tx.next)
	if err != nil {
		return nil, nil, vaulterr.Invalid("the new secret: %v", err)
	}
	if string(next) == string(old) {
		resumed, err := tx.resume(ctx, next)
		return nil, resumed, err
	}
	tx.id = protocol.NewID(source.Created, source.Version, old, next)
	if request.Check != nil {
		if err := request.Check(ctx, tx.next); err != nil {
			return nil, nil, err
		}
	}
	return tx, nil, e.Store.CheckCapabilities(ctx, needs(request.Provider, tx.id.String()))
}

// needs are the rights a rotation uses, those for resolving a doubt included: a
// rotation that could not find out what became of its own commit must not start.
func needs(provider, id string) []kv.Need {
	return []kv.Need{
		{Key: providerKey(provider), Door: "data", Capability: "update"},
		{Key: backupKey(provider, id), Door: "data", Capability: "create"},
		{Key: backupKey(provider, id), Door: "data", Capability: "read"},
		{Key: backupKey(provider, id), Door: "metadata", Capability: "read"},
		{Key: backupKey(provider, id), Door: "metadata", Capability: "update"},
		{Key: backupKey(provider), Door: "metadata", Capability: "list"},
		{Key: recordKey(provider, id), Door: "data", Capability: "create"},
		{Key: recordKey(provider, id), Door: "data", Capability: "read"},
		{Key: recordKey(provider), Door: "metadata", Capability: "list"},
		{Key: providerKey(provider), Door: "metadata", Capability: "read"},
	}
}

// resume answers a change that is already there: if a backup of this generation
// shows that this very change made the current version, its record is finished
// and it is a success; only otherwise is there nothing to change.
func (tx *transaction) resume(ctx context.Context, current []byte) (*Result, error) {
	ids, err := tx.backups(ctx, tx.request.Provider)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if id.Source != tx.source.Version-1 {
			continue
		}
		found, err := tx.investigate(ctx, tx.request.Provider, id)
		if err != nil {
			return nil, err
		}
		if found.outcome == protocol.Committed && id.Matches(found.backup, current) {
			return tx.finishResumed(ctx, found)
		}
	}
	return nil, &vaulterr.Error{Kind: vaulterr.ErrNoChange, Version: tx.source.Version}
}

func (tx *transaction) finishResumed(ctx context.Context, found *finding) (*Result, error) {
	if tx.request.DryRun {
		return &Result{Record: found.record(tx.Now()), Resumed: true}, nil
	}
	record, err := tx.recordFinding(ctx, found)
	if err != nil {
		return nil, err
	}
	tx.id = found.id
	return tx.conclude(ctx, record, true)
}

// backUp writes the old value under the rotation's id, create-only. Found
// there already, it must be the very same value.
func (tx *transaction) backUp(ctx context.Context) error {
	key := backupKey(tx.request.Provider, tx.id.String())
	for failed := 1; ; failed++ {
		err := tx.resend(ctx, func() error {
			written, err := tx.Store.Write(ctx, key, 0, tx.source.Data)
			tx.requests.Backup = written.RequestID
			return err
		})
		if !errors.Is(err, vaulterr.ErrConflict) && !errors.Is(err, vaulterr.ErrPermissionDenied) {
			return err
		}
		// Refused: ours from an earlier run or a lost answer, or a create-only
		// policy meeting what is already there.
		done, err := tx.compareBackup(ctx, key, err)
		if done || err != nil {
			return err
		}
		if ended := tx.Backoff.Wait(ctx, failed); ended != nil {
			return vaulterr.GaveUp(err, ended)
		}
	}
}

func (tx *transaction) compareBackup(ctx context.Context, key kv.Key, refused error) (done bool, err error) {
	stored, err := tx.Store.Read(ctx, key)
	switch {
	case errors.Is(err, vaulterr.ErrNotFound) && errors.Is(refused, vaulterr.ErrPermissionDenied):
		return false, refused
	case errors.Is(err, vaulterr.ErrNotFound):
		return false, nil // pruned in between: write it again
	case errors.Is(err, vaulterr.ErrDeleted):
		return false, tx.undetermined("the backup of this rotation was deleted", err)
	case err != nil:
		return false, err
	case !sameData(stored.Data, tx.source.Data):
		return false, tx.undetermined("the backup of this rotation holds another value", nil)
	}
	return true, nil
}

// claim notes who rotates and why beside the backup, for whoever may have to
// write the record. Data came first, so that a create-only policy suffices.
func (tx *transaction) claim(ctx context.Context) error {
	claim := protocol.Claim{Actor: tx.request.Actor, Reason: tx.request.Reason, Source: tx.request.Source,
		StartedAt: tx.started, ExpiresAt: tx.request.ExpiresAt}
	return tx.resend(ctx, func() error {
		return tx.Store.PutCustomMetadata(ctx, backupKey(tx.request.Provider, tx.id.String()), claim.Encode())
	})
}

// commit writes the new value over exactly the version that was backed up.
// Whatever Vault answers but success, the rule decides what it meant: a refusal
// may well be the echo of an earlier copy of this request that was applied.
func (tx *transaction) commit(ctx context.Context) (protocol.Outcome, protocol.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return "", "", err // not sent yet: definitely not applied
	}
	inDoubt := false
	for failed := 1; ; failed++ {
		written, err := tx.Store.Write(ctx, providerKey(tx.request.Provider), tx.source.Version, tx.next)
		if err == nil {
			tx.committed, tx.requests.Commit = written, written.RequestID
			return protocol.Committed, protocol.Acknowledged, nil
		}
		inDoubt = inDoubt || vaulterr.Doubtful(err)
		if !inDoubt && !errors.Is(err, vaulterr.ErrConflict) {
			return "", "", err
		}
		found, ruleErr := tx.investigate(ctx, tx.request.Provider, tx.id)
		if ruleErr != nil {
			return "", "", tx.undetermined("", errors.Join(ruleErr, err))
		}
		switch found.outcome {
		case protocol.Committed, protocol.Aborted:
			tx.committed = kv.Written{Version: tx.id.Source + 1, Created: found.committedAt}
			return found.outcome, protocol.Inferred, nil
		case protocol.Undecided: // send the very same request again
		default:
			return "", "", tx.undetermined(fmt.Sprintf("the rule says %s", found.outcome), err)
		}
		if ended := tx.Backoff.Wait(ctx, failed); ended != nil {
			return "", "", tx.undetermined("", vaulterr.GaveUp(err, ended))
		}
	}
}

// finish writes the record, and returns what the record says: another run of
// the same rotation may have written it first.
func (tx *transaction) finish(ctx context.Context, outcome protocol.Outcome, evidence protocol.Evidence) (*Result, error) {
	wanted := tx.newRecord(outcome, evidence)
	recordCtx := ctx
	if outcome == protocol.Committed {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), tx.RecordWait)
		defer cancel()
		recordCtx = bounded
	}
	record, created, err := tx.record(recordCtx, wanted)
	switch {
	case err != nil && outcome == protocol.Aborted:
		return nil, tx.conflict() // definite with or without its record
	case err != nil:
		return &Result{Record: wanted}, tx.undetermined("committed, but its record could not be written", err)
	}
	return tx.conclude(ctx, record, !created)
}

// conclude turns a stored record into Rotate's result.
func (tx *transaction) conclude(ctx context.Context, record protocol.Record, resumed bool) (*Result, error) {
	result := &Result{Record: record, Resumed: resumed}
	switch record.Outcome {
	case protocol.Aborted:
		return nil, tx.conflict()
	case protocol.Unknown:
		return nil, tx.undetermined("its record says unknown: it was closed by hand", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, tx.RecordWait) // the rest is best effort
	defer cancel()
	tx.tag(ctx, result)
	tx.sweep(ctx, result)
	return result, nil
}

func (tx *transaction) newRecord(outcome protocol.Outcome, evidence protocol.Evidence) protocol.Record {
	record := protocol.Record{
		Schema: protocol.Schema, ID: tx.id.String(), Provider: tx.request.Provider,
		Outcome: outcome, Evidence: evidence, OldVersion: tx.source.Version, Backup: tx.id.String(),
		FieldsChanged: protocol.ChangedFields(tx.source.Data, tx.next),
		Actor:         tx.request.Actor, Reason: tx.request.Reason, Source: tx.request.Source,
		StartedAt: tx.started.UTC(), RecordedAt: tx.Now().UTC(), ExpiresAt: tx.request.ExpiresAt,
		VaultRequestIDs: tx.requests,
	}
	if outcome == protocol.Committed {
		record.NewVersion, record.CommittedAt = tx.committed.Version, tx.committed.Created
	}
	return record
}

// plan is a dry run's result: the record as it would be, with nothing written.
func (tx *transaction) plan() *Result {
	return &Result{Record: tx.newRecord("", "")}
}

func (tx *transaction) conflict() error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: tx.id.String(), Version: tx.source.Version,
		Detail: "another write replaced the version this rotation started from"}
}

func (tx *transaction) undetermined(detail string, cause error) error {
	return vaulterr.Undetermined(tx.id.String(), detail, cause)
}

// resend repeats a write that is safe to repeat (create-only, or one that
// replaces itself) until Vault's answer is definite or ctx ends.
func (e *Engine) resend(ctx context.Context, send func() error) error {
	return e.Store.Repeat(ctx, vaulterr.Doubtful, send)
}

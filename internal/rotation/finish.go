package rotation

import (
	"context"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// finish is step 5: it writes the record, and returns what the record says: another run of
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

package rotation

import (
	"context"
	"fmt"

	"goblin/vaultkit/internal/protocol"
)

// finish is step 5: it writes the record. Another run of the same rotation may
// have written it first: the one that stands is returned.
func (tx *transaction) finish(ctx context.Context, outcome protocol.Outcome, evidence protocol.Evidence) (*Result, error) {
	wanted := tx.newRecord(outcome, evidence)
	if outcome == protocol.Aborted {
		ctx, cancel := context.WithTimeout(ctx, tx.RecordWait)
		defer cancel()
		_, _, _ = tx.writeRecord(ctx, wanted) // definite with or without its record, which Recover can write
		return nil, tx.conflict()
	}
	return tx.acknowledge(ctx, wanted, false, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.writeRecord(ctx, wanted)
	})
}

// acknowledge makes the result of a rotation that is known to be committed.
// From here on the caller's context no longer counts, and whatever fails, the
// caller is told that the new secret is in force.
func (tx *transaction) acknowledge(ctx context.Context, expected protocol.Record, resumed bool,
	record func(context.Context) (stored protocol.Record, created bool, err error)) (*Result, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), tx.RecordWait)
	defer cancel()
	stored, created, err := record(bounded)
	switch {
	case err != nil:
		return &Result{Record: expected, Resumed: resumed}, tx.undetermined("committed, but its record could not be written", err)
	case stored.Outcome != protocol.Committed:
		return &Result{Record: expected, Resumed: resumed},
			tx.undetermined(fmt.Sprintf("committed, but the record that stands says %s", stored.Outcome), nil)
	}
	tx.rememberRecorded(tx.request.Provider, stored.NewVersion, stored.CommittedAt)
	ctx, cancelRest := context.WithTimeout(ctx, tx.RecordWait) // the rest is best effort
	defer cancelRest()
	if expected.Evidence == protocol.Inferred { // no answer to the writes has said it
		tx.warnOfStoredDeletion(ctx)
	}
	result := &Result{Record: stored, Resumed: resumed || !created, Warnings: tx.warnings}
	if !tx.request.ExpiresAt.IsZero() && !stored.ExpiresAt.Equal(tx.request.ExpiresAt) {
		result.Warnings = append(result.Warnings, "this change was made already, by a rotation with another expiry, which stays")
	}
	tx.writeTagOrWarn(ctx, result)
	tx.recoverOthers(ctx, result)
	return result, nil
}

// newRecord is the record as the rotator itself writes it: it knows more than a
// recoverer could find out.
func (tx *transaction) newRecord(outcome protocol.Outcome, evidence protocol.Evidence) protocol.Record {
	known := inspection{provider: tx.request.Provider, id: tx.id, outcome: outcome,
		old: tx.source.Data, next: tx.next, attribution: tx.attribution(), committedAt: tx.committed}
	record := known.toRecord(tx.Now())
	record.Evidence, record.VaultRequestIDs = evidence, tx.requests
	record.FieldsChanged = known.fieldsChanged()
	return record
}

// plan is a dry run's result: the record as it would be, with nothing written.
func (tx *transaction) dryRunResult(ctx context.Context) *Result {
	tx.warnOfPlannedDeletion(ctx)
	old, next := tx.source.Data, tx.next
	return &Result{Record: tx.newRecord("", ""), Warnings: tx.warnings,
		Added: protocol.OnlyIn(next, old), Removed: protocol.OnlyIn(old, next)}
}

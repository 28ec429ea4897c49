package rotation

import (
	"context"
	"fmt"

	"goblin/vaultkit/internal/protocol"
)

// finish is step 5. It writes the record. If another run of the same rotation has written it,
// finish returns that record.
func (tx *transaction) finish(ctx context.Context, outcome protocol.Outcome, evidence protocol.Evidence) (*Result, error) {
	wanted := tx.newRecord(outcome, evidence)
	if outcome == protocol.Aborted {
		ctx, cancel := context.WithTimeout(ctx, tx.RecordWait)
		defer cancel()
		_, _, _ = tx.writeRecord(ctx, wanted) // the error is definite without a record, and Recover can write it
		return nil, tx.conflict()
	}
	return tx.acknowledge(ctx, wanted, false, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.writeRecord(ctx, wanted)
	})
}

// acknowledge returns the result of a committed rotation. From here on the caller's context no
// longer ends the work. If a later step fails, the result still says that the new
// secret is in force.
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
			tx.undetermined(fmt.Sprintf("committed, but the existing record says %s", stored.Outcome), nil)
	}
	ctx, cancelRest := context.WithTimeout(ctx, tx.RecordWait) // the rest is best effort
	defer cancelRest()
	if expected.Evidence == protocol.Inferred { // no response to a write contained it
		tx.warnOfStoredDeletion(ctx)
	}
	result := &Result{Record: stored, Resumed: resumed || !created, Warnings: tx.warnings}
	if !tx.request.ExpiresAt.IsZero() && !stored.ExpiresAt.Equal(tx.request.ExpiresAt) {
		result.Warnings = append(result.Warnings, "an earlier rotation made this change with another expiry; that expiry was kept")
	}
	tx.writeTagOrWarn(ctx, result)
	tx.recoverOthers(ctx, result)
	return result, nil
}

// newRecord returns the record with all that this run knows. A client that recovers the
// rotation can find out less.
func (tx *transaction) newRecord(outcome protocol.Outcome, evidence protocol.Evidence) protocol.Record {
	known := inspection{provider: tx.request.Provider, id: tx.id, outcome: outcome,
		old: tx.source.Data, next: tx.next, attribution: tx.attribution(), committedAt: tx.committed}
	record := known.toRecord(tx.Now())
	record.Evidence, record.VaultRequestIDs = evidence, tx.requests
	record.FieldsChanged = known.fieldsChanged()
	return record
}

// dryRunResult returns the record that a rotation would write, and writes nothing.
func (tx *transaction) dryRunResult(ctx context.Context) *Result {
	tx.warnOfPlannedDeletion(ctx)
	old, next := tx.source.Data, tx.next
	return &Result{Record: tx.newRecord("", ""), Warnings: tx.warnings,
		Added: protocol.OnlyIn(next, old), Removed: protocol.OnlyIn(old, next)}
}

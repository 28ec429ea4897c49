package rotation

import (
	"context"
	"fmt"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// finish is step 5: it writes the record. Another run of the same rotation may
// have written it first: the one that stands is returned.
func (tx *transaction) finish(ctx context.Context, outcome protocol.Outcome, evidence protocol.Evidence) (*Result, error) {
	wanted := tx.newRecord(outcome, evidence)
	if outcome == protocol.Aborted {
		ctx, cancel := context.WithTimeout(ctx, tx.RecordWait)
		defer cancel()
		_, _, _ = tx.record(ctx, wanted) // definite with or without its record, which Recover can write
		return nil, tx.conflict()
	}
	return tx.acknowledge(ctx, wanted, false, func(ctx context.Context) (protocol.Record, bool, error) {
		return tx.record(ctx, wanted)
	})
}

// acknowledge makes the result of a rotation that is known to be committed.
// From here on the caller's context no longer counts, and whatever fails, the
// caller is told that the new secret is in force.
func (tx *transaction) acknowledge(ctx context.Context, wanted protocol.Record, resumed bool,
	record func(context.Context) (stands protocol.Record, created bool, err error)) (*Result, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), tx.RecordWait)
	defer cancel()
	stands, created, err := record(bounded)
	switch {
	case err != nil:
		return &Result{Record: wanted, Resumed: resumed}, tx.undetermined("committed, but its record could not be written", err)
	case stands.Outcome != protocol.Committed:
		return &Result{Record: wanted, Resumed: resumed},
			tx.undetermined(fmt.Sprintf("committed, but the record that stands says %s", stands.Outcome), nil)
	}
	tx.sawRecord(tx.request.Provider, stands.NewVersion, stands.CommittedAt)
	ctx, cancelRest := context.WithTimeout(ctx, tx.RecordWait) // the rest is best effort
	defer cancelRest()
	if wanted.Evidence == protocol.Inferred { // no answer to the writes has said it
		tx.lookForDeletion(ctx)
	}
	result := &Result{Record: stands, Resumed: resumed || !created, Warnings: tx.warnings}
	if !tx.request.ExpiresAt.IsZero() && !stands.ExpiresAt.Equal(tx.request.ExpiresAt) {
		result.Warnings = append(result.Warnings, "this change was made already, by a rotation with another expiry, which stays")
	}
	tx.tag(ctx, result)
	tx.sweep(ctx, result)
	return result, nil
}

// newRecord is the record as the rotator itself writes it: it knows more than a
// recoverer could find out.
func (tx *transaction) newRecord(outcome protocol.Outcome, evidence protocol.Evidence) protocol.Record {
	known := finding{provider: tx.request.Provider, id: tx.id, outcome: outcome,
		old: tx.source.Data, next: tx.next, claim: tx.claimed(), committedAt: tx.committed}
	record := known.record(tx.Now())
	record.Evidence, record.VaultRequestIDs = evidence, tx.requests
	record.FieldsChanged = known.fieldsChanged()
	return record
}

// plan is a dry run's result: the record as it would be, with nothing written.
func (tx *transaction) plan(ctx context.Context) *Result {
	tx.foreseeDeletion(ctx)
	old, next := tx.source.Data, tx.next
	return &Result{Record: tx.newRecord("", ""), Warnings: tx.warnings,
		Added: protocol.OnlyIn(next, old), Removed: protocol.OnlyIn(old, next)}
}

func (tx *transaction) conflict() error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: tx.id.String(), Version: tx.source.Version,
		Detail: "another write replaced the version this rotation started from"}
}

func (tx *transaction) undetermined(detail string, cause error) error {
	return vaulterr.Undetermined(tx.id.String(), detail, cause)
}

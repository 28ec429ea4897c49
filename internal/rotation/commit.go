package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// prepareCommit is step 3. It writes the attribution and checks that no new key is being
// revoked. The commit waits for both. The check must start after a write of this run: then a
// standby answers it from a state that holds everything that was acknowledged before that
// write.
func (tx *transaction) prepareCommit(ctx context.Context) error {
	if !tx.createdBackup {
		if err := tx.writeAttribution(ctx); err != nil {
			return err
		}
		return tx.checkRevoked(ctx)
	}
	var check sync.WaitGroup
	var revoked error
	check.Go(func() { revoked = tx.checkRevoked(ctx) })
	err := tx.writeAttribution(ctx)
	check.Wait()
	return cmp.Or(revoked, err)
}

// writeAttribution stores who rotates and why beside the backup, for a client that has to write
// the record later. The backup's data is written first, so that a create-only policy is enough.
func (tx *transaction) writeAttribution(ctx context.Context) error {
	return tx.retryWrite(ctx, func() error {
		return tx.Store.PutCustomMetadata(ctx, backupEntry(tx.request.Provider, tx.id.String()), tx.attribution().Encode())
	})
}

// commit is step 4. It writes the new value over exactly the version that was backed up. After
// any other result than success, the rule decides the outcome. If a response is lost, the request
// may have been applied (maybeApplied), and may be why Vault refuses the next one.
func (tx *transaction) commit(ctx context.Context) (protocol.Outcome, protocol.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return "", "", tx.failedBeforeCommit(ctx, err)
	}
	maybeApplied := false // a response was lost: Vault may have applied that request
	for failed := 1; ; failed++ {
		written, err := tx.Store.Write(ctx, providerEntry(tx.request.Provider), tx.source.Version, tx.next)
		if err == nil {
			tx.committed, tx.requests.Commit = written.Created, written.RequestID
			tx.warnOfDeletion("deletes", theNewKey, written.Expires)
			return protocol.Committed, protocol.Acknowledged, nil
		}
		maybeApplied = maybeApplied || vaulterr.MaybeApplied(err)
		definite := !maybeApplied && !errors.Is(err, vaulterr.ErrConflict)
		if definite && tx.createdBackup {
			return "", "", err
		}
		found, ruleErr := tx.inspect(ctx, tx.request.Provider, tx.id)
		if ruleErr != nil {
			return "", "", tx.undetermined("", errors.Join(ruleErr, err))
		}
		switch found.outcome {
		case protocol.Committed, protocol.Aborted:
			tx.committed = found.committedAt
			return found.outcome, protocol.Inferred, nil
		case protocol.Undecided: // not applied, at least not yet: send the same request again
			if definite {
				return "", "", tx.failedBeforeCommit(ctx, err)
			}
		default:
			// Another client may have recorded it while the evidence existed.
			if stored, err := tx.readRecord(ctx, tx.request.Provider, tx.id.String()); err == nil && isDecided(stored.Outcome) {
				tx.committed = stored.CommittedAt
				return stored.Outcome, protocol.Inferred, nil
			}
			return "", "", tx.undetermined(fmt.Sprintf("its outcome in Vault is %s", found.outcome), err)
		}
		if ended := tx.Backoff.Wait(ctx, failed); ended != nil {
			return "", "", tx.undetermined("", vaulterr.Interrupted(err, ended))
		}
	}
}

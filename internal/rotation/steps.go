package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// backUp is step 2. It creates an entry under the rotation's id with the old value. If the
// entry already exists, it must hold the same value.
func (tx *transaction) backUp(ctx context.Context) error {
	key := backupKey(tx.request.Provider, tx.id.String())
	for failed := 1; ; failed++ {
		err := tx.retryWrite(ctx, func() error {
			written, err := tx.Store.Write(ctx, key, 0, tx.source.Data)
			tx.requests.Backup = written.RequestID
			tx.warnOfDeletion("deletes", theBackup, written.Expires)
			tx.backupUncertain = tx.backupUncertain || vaulterr.MaybeApplied(err)
			return err
		})
		if !createRefused(err) {
			tx.createdBackup = err == nil
			return err
		}
		// The backup may exist: an earlier run wrote it, or this run wrote it and the response
		// was lost.
		tx.backupUncertain = true
		done, failure := tx.compareBackup(ctx, key, err)
		if done || failure != nil {
			return failure
		}
		if ended := tx.Backoff.Wait(ctx, failed); ended != nil {
			return vaulterr.Interrupted(nil, ended)
		}
	}
}

// compareBackup compares the existing backup with the old value. If it returns neither done nor
// an error, the backup has to be written again.
func (tx *transaction) compareBackup(ctx context.Context, key kv.Key, refusal error) (done bool, err error) {
	stored, err := tx.Store.Read(ctx, key)
	switch {
	case errors.Is(err, vaulterr.ErrNotFound) && errors.Is(refusal, vaulterr.ErrPermissionDenied):
		tx.backupUncertain = false
		return false, refusal
	case errors.Is(err, vaulterr.ErrNotFound):
		return false, nil // pruned meanwhile: write it again
	case errors.Is(err, vaulterr.ErrDeleted):
		return false, tx.undetermined("the backup of this rotation was deleted", err)
	case err != nil:
		return false, err
	case !sameData(stored.Data, tx.source.Data):
		return false, tx.undetermined("the backup of this rotation contains another secret", nil)
	}
	tx.foundBackup = true
	return true, nil
}

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
		return tx.Store.PutCustomMetadata(ctx, backupKey(tx.request.Provider, tx.id.String()), tx.attribution().Encode())
	})
}

// commit is step 4. It writes the new value over exactly the version that was backed up. After
// any response other than success, the rule decides the outcome: an earlier copy of the same
// request may have been applied and may have caused the refusal.
func (tx *transaction) commit(ctx context.Context) (protocol.Outcome, protocol.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return "", "", tx.failedBeforeCommit(ctx, err)
	}
	maybeApplied := false
	for failed := 1; ; failed++ {
		written, err := tx.Store.Write(ctx, providerKey(tx.request.Provider), tx.source.Version, tx.next)
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
		case protocol.Undecided: // send the same request again
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

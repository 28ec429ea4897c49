package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// backUp is step 2: it writes the old value under the rotation's id,
// create-only. Found there already, it must be the very same value.
func (tx *transaction) backUp(ctx context.Context) error {
	key := backupKey(tx.request.Provider, tx.id.String())
	for failed := 1; ; failed++ {
		err := tx.resend(ctx, func() error {
			written, err := tx.Store.Write(ctx, key, 0, tx.source.Data)
			tx.requests.Backup = written.RequestID
			tx.warnOfDeletion("deletes", theBackup, written.Expires)
			tx.inDoubt = tx.inDoubt || vaulterr.Doubtful(err)
			return err
		})
		if !refused(err) {
			tx.began = err == nil
			return err
		}
		// Refused: ours from an earlier run or a lost answer, or a create-only
		// policy meeting what is already there.
		tx.inDoubt = true
		done, failure := tx.compareBackup(ctx, key, err)
		if done || failure != nil {
			return failure
		}
		if ended := tx.Backoff.Wait(ctx, failed); ended != nil {
			return vaulterr.GaveUp(nil, ended)
		}
	}
}

func (tx *transaction) compareBackup(ctx context.Context, key kv.Key, refusal error) (done bool, err error) {
	stored, err := tx.Store.Read(ctx, key)
	switch {
	case errors.Is(err, vaulterr.ErrNotFound) && errors.Is(refusal, vaulterr.ErrPermissionDenied):
		tx.inDoubt = false
		return false, refusal
	case errors.Is(err, vaulterr.ErrNotFound):
		return false, nil // pruned in between: write it again
	case errors.Is(err, vaulterr.ErrDeleted):
		return false, tx.undetermined("the backup of this rotation was deleted", err)
	case err != nil:
		return false, err
	case !sameData(stored.Data, tx.source.Data):
		return false, tx.undetermined("the backup of this rotation holds another value", nil)
	}
	tx.joined = true
	return true, nil
}

// notCommitted is the error of a run that ends before its commit. It is definite only
// where no earlier run of this rotation can have sent its own: where this run made the
// backup, or none is there.
func (tx *transaction) notCommitted(ctx context.Context, err error) error {
	if tx.began || errors.Is(err, vaulterr.ErrUndetermined) || !tx.mayBeJoined(ctx) {
		return err
	}
	return tx.undetermined("this run applied nothing; an earlier run of the same rotation may have", err)
}

// doubtWait bounds the look for a backup once the caller's context has ended.
const doubtWait = time.Second

// notBegun is the error of a run that ends before its backup: an earlier run's may be there.
func (tx *transaction) notBegun(ctx context.Context, err error) error {
	tx.inDoubt = true
	return tx.notCommitted(ctx, err)
}

// mayBeJoined reports that an earlier run's backup is there, or may be.
func (tx *transaction) mayBeJoined(ctx context.Context) bool {
	if tx.joined || !tx.inDoubt {
		return tx.joined
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(doubtWait, tx.RecordWait))
	defer cancel()
	_, err := tx.Store.Metadata(ctx, backupKey(tx.request.Provider, tx.id.String())) // its value may be deleted
	return !errors.Is(err, vaulterr.ErrNotFound)
}

// claimAndLook is step 3. The commit waits for both. The look comes after a write of this
// very run: a standby then answers from a state that holds all that was acknowledged
// before that write.
func (tx *transaction) claimAndLook(ctx context.Context) error {
	if !tx.began {
		if err := tx.claim(ctx); err != nil {
			return err
		}
		return tx.look(ctx)
	}
	var looking sync.WaitGroup
	var refusal error
	looking.Go(func() { refusal = tx.look(ctx) })
	err := tx.claim(ctx)
	looking.Wait()
	return cmp.Or(refusal, err)
}

// claim notes who rotates and why beside the backup, for whoever
// may have to write the record. Data came first, so that a create-only policy
// suffices.
func (tx *transaction) claim(ctx context.Context) error {
	return tx.resend(ctx, func() error {
		return tx.Store.PutCustomMetadata(ctx, backupKey(tx.request.Provider, tx.id.String()), tx.claimed().Encode())
	})
}

func (tx *transaction) claimed() protocol.Claim {
	return protocol.Claim{Actor: tx.request.Actor, Reason: tx.request.Reason, Source: tx.request.Source,
		StartedAt: tx.started.UTC(), ExpiresAt: tx.request.ExpiresAt}
}

// commit is step 4: it writes the new value over exactly the version that was
// backed up. Whatever Vault answers but success, the rule decides what it meant:
// a refusal may well be the echo of an earlier copy of this request that was
// applied.
func (tx *transaction) commit(ctx context.Context) (protocol.Outcome, protocol.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return "", "", tx.notCommitted(ctx, err)
	}
	inDoubt := false
	for failed := 1; ; failed++ {
		written, err := tx.Store.Write(ctx, providerKey(tx.request.Provider), tx.source.Version, tx.next)
		if err == nil {
			tx.committed, tx.requests.Commit = written.Created, written.RequestID
			tx.warnOfDeletion("deletes", theNewKey, written.Expires)
			return protocol.Committed, protocol.Acknowledged, nil
		}
		inDoubt = inDoubt || vaulterr.Doubtful(err)
		definite := !inDoubt && !errors.Is(err, vaulterr.ErrConflict)
		if definite && tx.began {
			return "", "", err
		}
		found, ruleErr := tx.investigate(ctx, tx.request.Provider, tx.id)
		if ruleErr != nil {
			return "", "", tx.undetermined("", errors.Join(ruleErr, err))
		}
		switch found.outcome {
		case protocol.Committed, protocol.Aborted:
			tx.committed = found.committedAt
			return found.outcome, protocol.Inferred, nil
		case protocol.Undecided: // send the very same request again
			if definite {
				return "", "", tx.notCommitted(ctx, err)
			}
		default:
			// Somebody may have recorded it while there was evidence.
			if stands, err := tx.readRecord(ctx, tx.request.Provider, tx.id.String()); err == nil && decided(stands.Outcome) {
				tx.committed = stands.CommittedAt
				return stands.Outcome, protocol.Inferred, nil
			}
			return "", "", tx.undetermined(fmt.Sprintf("the rule says %s", found.outcome), err)
		}
		if ended := tx.Backoff.Wait(ctx, failed); ended != nil {
			return "", "", tx.undetermined("", vaulterr.GaveUp(err, ended))
		}
	}
}

package rotation

import (
	"context"
	"errors"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// backUp is step 2. It creates an entry under the rotation's id with the old value. If the
// entry already exists, it must hold the same value.
func (tx *transaction) backUp(ctx context.Context) error {
	entry := backupEntry(tx.request.Provider, tx.id.String())
	for failed := 1; ; failed++ {
		err := tx.retryWrite(ctx, func() error {
			written, err := tx.Store.Write(ctx, entry, 0, tx.source.Data)
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
		done, failure := tx.compareBackup(ctx, entry, err)
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
func (tx *transaction) compareBackup(ctx context.Context, entry kv.EntryName, refusal error) (done bool, err error) {
	stored, err := tx.Store.Read(ctx, entry)
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

package rotation

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulterr"
)

// transaction is one run of the protocol.
type transaction struct {
	*Engine
	request         Request
	started         time.Time
	id              protocol.ID
	source          kv.Secret      // the version being replaced
	next            map[string]any // the whole new secret
	changed         map[string]any // its fields with a new value
	createdBackup   bool           // Vault has acknowledged the backup of this run
	foundBackup     bool           // an earlier run has created the backup
	backupUncertain bool           // the backup may exist
	requests        protocol.RequestIDs
	committed       time.Time // by Vault's clock
	warnings        []string
	unrecorded      *unrecordedList // for recoverOthers
}

// unrecordedList holds a provider's rotations and those of them that have a record. It does not
// contain the rotation that makes the list.
type unrecordedList struct {
	backups, recorded []protocol.ID
	err               error
	done              chan struct{} // closed when the list is complete
}

// conflict returns the error for a rotation that lost to another write.
func (tx *transaction) conflict() error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: tx.id.String(), Version: tx.source.Version,
		Detail: "another write replaced the version that this rotation started from"}
}

// undetermined returns an ErrUndetermined with this rotation's id.
func (tx *transaction) undetermined(detail string, cause error) error {
	return vaulterr.Undetermined(tx.id.String(), detail, cause)
}

// attribution returns who rotates and why, as the request says.
func (tx *transaction) attribution() protocol.Attribution {
	return protocol.Attribution{Actor: tx.request.Actor, Reason: tx.request.Reason, Source: tx.request.Source,
		StartedAt: tx.started.UTC(), ExpiresAt: tx.request.ExpiresAt}
}

// failedBeforeCommit returns the error of a run that ends before its commit. The error is
// definite only if no earlier run of this rotation can have sent a commit: this run created the
// backup, or there is no backup.
func (tx *transaction) failedBeforeCommit(ctx context.Context, err error) error {
	if tx.createdBackup || errors.Is(err, vaulterr.ErrUndetermined) || !tx.mayHaveEarlierRun(ctx) {
		return err
	}
	return tx.earlierRunUndetermined(err)
}

// failedBeforeBackup returns the error of a run that ends before it writes its backup. A backup
// of an earlier run may exist, unless the token may not see backups: then it wrote none. That does
// not hold if this engine wrote one before the policy changed.
func (tx *transaction) failedBeforeBackup(ctx context.Context, err error) error {
	if errors.Is(err, vaulterr.ErrUndetermined) {
		return err
	}
	backup := tx.findBackup(ctx)
	denied := errors.Is(backup, vaulterr.ErrPermissionDenied) && !tx.endedUndetermined(tx.request.Provider)
	if denied || errors.Is(backup, vaulterr.ErrNotFound) {
		return err
	}
	return tx.earlierRunUndetermined(err)
}

// earlierRunUndetermined returns the error of a run that applied nothing, although an earlier run
// of the same rotation may have.
func (tx *transaction) earlierRunUndetermined(err error) error {
	return tx.undetermined("this run applied nothing, but an earlier run of the same rotation may have been applied", err)
}

// mayHaveEarlierRun reports whether an earlier run's backup exists or may exist.
func (tx *transaction) mayHaveEarlierRun(ctx context.Context) bool {
	if tx.foundBackup || !tx.backupUncertain {
		return tx.foundBackup
	}
	return !errors.Is(tx.findBackup(ctx), vaulterr.ErrNotFound)
}

// findBackup looks for this rotation's backup, whose value may be deleted. It returns ErrNotFound
// if there is none.
func (tx *transaction) findBackup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(backupCheckTimeout, tx.RecordWait))
	defer cancel()
	backup := backupEntry(tx.request.Provider, tx.id.String())
	_, err := tx.Store.Metadata(ctx, backup)
	if errors.Is(err, vaulterr.ErrPermissionDenied) {
		_, err = tx.Store.Read(ctx, backup)
	}
	return err
}

// backupCheckTimeout limits the search for a backup after the caller's context has ended.
const backupCheckTimeout = time.Second

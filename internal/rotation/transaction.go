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
	changed         map[string]any // the part of it that the source version does not have so
	createdBackup   bool           // Vault has acknowledged this very run's backup
	foundBackup     bool           // an earlier run's backup was found there
	backupUncertain bool           // whether one is there is not known
	requests        protocol.RequestIDs
	committed       time.Time // when, by Vault's clock
	warnings        []string
	unrecorded      *unrecordedList // for the sweep
}

// lookout is what a sweep goes by: the rotations of a provider, and which of them
// have a record. The present one is left out: it is listed while it goes on.
type unrecordedList struct {
	backups, recorded []protocol.ID
	err               error
	done              chan struct{} // closed when the above is known
}

func (tx *transaction) conflict() error {
	return &vaulterr.Error{Kind: vaulterr.ErrConflict, ID: tx.id.String(), Version: tx.source.Version,
		Detail: "another write replaced the version this rotation started from"}
}

func (tx *transaction) undetermined(detail string, cause error) error {
	return vaulterr.Undetermined(tx.id.String(), detail, cause)
}

func (tx *transaction) attribution() protocol.Attribution {
	return protocol.Attribution{Actor: tx.request.Actor, Reason: tx.request.Reason, Source: tx.request.Source,
		StartedAt: tx.started.UTC(), ExpiresAt: tx.request.ExpiresAt}
}

// notCommitted is the error of a run that ends before its commit. It is definite only
// where no earlier run of this rotation can have sent its own: where this run made the
// backup, or none is there.
func (tx *transaction) failedBeforeCommit(ctx context.Context, err error) error {
	if tx.createdBackup || errors.Is(err, vaulterr.ErrUndetermined) || !tx.mayHaveEarlierRun(ctx) {
		return err
	}
	return tx.undetermined("this run applied nothing; an earlier run of the same rotation may have", err)
}

// notBegun is the error of a run that ends before its backup: an earlier run's may be there.
func (tx *transaction) failedBeforeBackup(ctx context.Context, err error) error {
	tx.backupUncertain = true
	return tx.failedBeforeCommit(ctx, err)
}

// mayBeJoined reports that an earlier run's backup is there, or may be.
func (tx *transaction) mayHaveEarlierRun(ctx context.Context) bool {
	if tx.foundBackup || !tx.backupUncertain {
		return tx.foundBackup
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(backupCheckTimeout, tx.RecordWait))
	defer cancel()
	_, err := tx.Store.Metadata(ctx, backupKey(tx.request.Provider, tx.id.String())) // its value may be deleted
	return !errors.Is(err, vaulterr.ErrNotFound)
}

// doubtWait bounds the look for a backup once the caller's context has ended.
const backupCheckTimeout = time.Second

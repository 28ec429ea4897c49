package rotation

import (
	"context"
	"time"
)

// Status is what a provider's metadata shows.
type Status struct {
	Provider    string
	Version     int
	InForceFrom time.Time // when the current version was written
	ExpiresAt   time.Time // the expiry tag of the current version
	LastExpiry  time.Time // the newest expiry tag of an earlier version
	DeletedAt   time.Time // when the current version was or will be deleted
	Destroyed   bool
	DeleteAfter time.Duration // how long Vault keeps the next version, by the provider's own setting; 0: no setting
	Pending     []string      // rotations without a record
}

// Status returns a provider's status. It reads no secret.
func (e *Engine) Status(ctx context.Context, provider string) (Status, error) {
	meta, err := e.Store.Metadata(ctx, providerEntry(provider))
	if err != nil {
		return Status{}, err
	}
	unrecorded, err := e.unrecorded(ctx, provider)
	if err != nil {
		return Status{}, err
	}
	status := Status{Provider: provider, Version: meta.Current, InForceFrom: meta.Versions[meta.Current],
		DeletedAt: meta.Deletion, Destroyed: meta.Destroyed, DeleteAfter: meta.DeleteVersionAfter, Pending: []string{}}
	status.ExpiresAt, status.LastExpiry = expiry(meta.Custom, meta.Current)
	for _, id := range unrecorded {
		status.Pending = append(status.Pending, id.String())
	}
	return status, nil
}

package rotation

import (
	"context"
	"time"
)

// Status is what the metadata alone says of a provider.
type Status struct {
	Provider    string
	Version     int
	InForceFrom time.Time // when the current version was written
	ExpiresAt   time.Time // by the tag, if it speaks of the current version
	LastExpiry  time.Time // by the tag, if it speaks of an earlier one
	DeletedAt   time.Time // when the current version was or will be deleted
	Destroyed   bool
	DeleteAfter time.Duration // how long Vault keeps the next version, by the provider's own setting; 0: it has none
	Pending     []string      // rotations without a record
}

// Status reads no secret value.
func (e *Engine) Status(ctx context.Context, provider string) (Status, error) {
	meta, err := e.Store.Metadata(ctx, providerKey(provider))
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

package vaultkit

import (
	"context"
	"errors"
	"iter"
	"time"

	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/vaulterr"
)

// ProviderStatus describes a provider, from metadata alone: no secret is read.
type ProviderStatus struct {
	Provider    string    `json:"provider"`            // its name
	Version     int       `json:"version"`             // the current one
	InForceFrom time.Time `json:"in_force_from"`       // when it was written, by Vault's clock
	ExpiresAt   time.Time `json:"expires_at,omitzero"` // of the current version, as WithExpiresAt says
	// LastExpiry is the expiry of an earlier version, if the current version has none.
	LastExpiry time.Time `json:"last_expiry,omitzero"`
	DeletedAt  time.Time `json:"deleted_at,omitzero"` // when the current version was or will be deleted
	Destroyed  bool      `json:"destroyed"`           // the current version is destroyed for good
	Pending    []string  `json:"pending"`             // ids of rotations without a record, for Recover
	// Due says why the key should be rotated or looked at. Empty: it need not. If there are
	// several reasons, it is the first of these:
	//
	//   - "deleted": the version is deleted or destroyed, so nobody can read it
	//   - "expired": its expiry has passed
	//   - "deletion": Vault deletes it within StatusQuery.DueWithin, see delete_version_after
	//   - "expiring": it expires within StatusQuery.DueWithin
	//   - "age": it has been in force for longer than StatusQuery.MaxAge
	Due string `json:"due,omitempty"`
}

// The values of ProviderStatus.Due, the most urgent first.
const (
	dueDeleted  = "deleted"
	dueExpired  = "expired"
	dueDeletion = "deletion"
	dueExpiring = "expiring"
	dueAge      = "age"
)

// StatusQuery says which providers [Client.Status] reports, and what counts as due. A key that
// is deleted, or whose recorded expiry has passed, is always due.
type StatusQuery struct {
	Providers []string      // none: all of them
	DueWithin time.Duration // due this long before its recorded expiry, or before Vault deletes it
	MaxAge    time.Duration // due this long after it came into force; 0: never
}

// statusWorkers bounds how many providers Status reads at once. Each takes three requests.
const statusWorkers = 16

// Status yields for each provider how old its key is, when it expires, and which rotations are
// unfinished. The order is that of the query, or by name if the query names no providers. The loop
// blocks until the next provider is read; Status reads up to 16 ahead. Leaving the loop stops it. A
// provider that cannot be read yields its name and the error, and the loop goes on. A provider that
// was deleted after it was listed is left out. Times are compared with the local clock.
//
// Errors: ErrInvalid for the query, and those of GetAPIKey. An error that concerns the whole query
// comes alone, without a name. Needs the monitor's policy, which cannot read a secret.
func (c *Client) Status(ctx context.Context, query StatusQuery) iter.Seq2[ProviderStatus, error] {
	return func(yield func(ProviderStatus, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // so that leaving the loop does not wait for a slow server
		providers, err := c.statusProviders(ctx, query)
		if err != nil {
			yield(ProviderStatus{}, vaulterr.WithOp("Status", "", err))
			return
		}
		type look struct {
			status ProviderStatus
			err    error
		}
		looks := parallel.Stream(statusWorkers, providers, func(provider string) look {
			status, err := c.statusOne(ctx, provider, query)
			return look{status, vaulterr.WithOp("Status", provider, err)}
		})
		for one := range looks {
			if len(query.Providers) == 0 && errors.Is(one.err, ErrNotFound) {
				continue
			}
			if !yield(one.status, one.err) {
				return
			}
		}
	}
}

func (c *Client) statusProviders(ctx context.Context, query StatusQuery) ([]string, error) {
	if query.DueWithin < 0 || query.MaxAge < 0 {
		return nil, vaulterr.Invalid("a duration of StatusQuery is negative")
	}
	if len(query.Providers) == 0 {
		return c.Providers(ctx)
	}
	for _, provider := range query.Providers {
		if err := checkProvider(provider); err != nil {
			return nil, err
		}
	}
	return query.Providers, nil
}

func (c *Client) statusOne(ctx context.Context, provider string, query StatusQuery) (ProviderStatus, error) {
	ctx, cancel := c.readContext(ctx)
	defer cancel()
	found, err := c.engine.Status(ctx, provider)
	if err != nil {
		return ProviderStatus{Provider: provider, Pending: []string{}}, err
	}
	return query.judge(found, c.engine.Now()), nil
}

// judge returns the status of what was found, with the reason why it is due.
func (q StatusQuery) judge(found rotation.Status, now time.Time) ProviderStatus {
	status := ProviderStatus{Provider: found.Provider, Version: found.Version, InForceFrom: found.InForceFrom,
		ExpiresAt: found.ExpiresAt, LastExpiry: found.LastExpiry, DeletedAt: found.DeletedAt, Destroyed: found.Destroyed, Pending: found.Pending}
	left := found.ExpiresAt.Sub(now)
	switch {
	case found.Destroyed, !found.DeletedAt.IsZero() && !found.DeletedAt.After(now):
		status.Due = dueDeleted
	case !found.ExpiresAt.IsZero() && left <= 0:
		status.Due = dueExpired
	case !found.DeletedAt.IsZero() && found.DeletedAt.Sub(now) <= q.DueWithin:
		status.Due = dueDeletion
	case !found.ExpiresAt.IsZero() && left <= q.DueWithin:
		status.Due = dueExpiring
	case q.MaxAge > 0 && !found.InForceFrom.IsZero() && now.Sub(found.InForceFrom) > q.MaxAge:
		status.Due = dueAge
	}
	return status
}

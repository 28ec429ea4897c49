package vaultkit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/rotation"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// WithCache makes GetAPIKey, GetField and GetProviderKeys read from memory. After the first read of
// a provider they return at once, even if their context has ended. A cached GetAPIKey takes
// nanoseconds (docs/benchmarks.md has the numbers), GetProviderKeys the time to copy a map.
//
// The client fetches the secrets in use again in the background, at a random moment between 0.6
// and 0.9 of ttl, so that clients do not fetch at the same moment. So it sees a rotation by another
// client within ttl. It sees its own rotations at once. While Vault is unavailable or refuses, an
// older secret is served for maxStale more; the observer and the log report it. After that, reads
// fail as without a cache. An error is cached for a second.
//
// A deleted secret is dropped within ttl. A secret that nobody reads is dropped within three ttl,
// but not during an outage, because it could not be fetched again. Close drops everything.
//
// ttl is at least a second. A minute suits most services, with a maxStale of an hour or a day.
// Default: no cache; every read sends a request to Vault.
func WithCache(ttl, maxStale time.Duration) Option {
	return func(s *settings.Settings) { s.TTL, s.MaxStale, s.Caching = ttl, maxStale, true }
}

// WithProviders makes New fetch these providers into the cache and keep them there, so that
// reading them never waits. New blocks until it has all of them. It waits for an unavailable
// Vault, at the login too, until its context ends or, if set, Timeouts.Start has passed. A
// provider that does not exist is an error. WithProviders needs WithCache.
func WithProviders(providers ...string) Option {
	return func(s *settings.Settings) { s.DeclaredProviders = append(s.DeclaredProviders, providers...) }
}

const (
	// pollInterval is the default of WithPollInterval.
	pollInterval = 30 * time.Second
	// fetchWorkers bounds how many declared providers are fetched at once.
	fetchWorkers = 8
)

// refreshBackoff bounds the pauses between failed refreshes of a secret; internal/cache/retry.go
// waits for them, and never less than failureTTL there. Each refresh has itself retried for
// Timeouts.Read.
var refreshBackoff = backoff.Backoff{Min: time.Second, Max: 10 * time.Second}

// cacheConfig configures the cache of a client's secrets. Without WithCache, only Watch and updaters
// use it, and no secret is too old for them.
func (c *Client) cacheConfig(s *settings.Settings) cache.Config[secret] {
	ttl, maxStale := cmp.Or(s.Poll, pollInterval), cache.Forever
	if s.Caching {
		ttl, maxStale = s.TTL, s.MaxStale
	}
	return cache.Config[secret]{
		TTL: ttl, MaxStale: maxStale, FetchTimeout: s.Timeouts.Read, TimeoutCause: session.ErrTimeout, Backoff: refreshBackoff,
		Fetch: c.fetch, Gone: isGone, Newer: newer, Behind: behind, Observe: c.observeCache, Closed: &Error{Kind: ErrClosed},
	}
}

// isGone reports whether Vault's response says that there is no secret.
func isGone(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrDeleted) }

// cachedSecret returns the provider's secret, or nil if it is not cached. Services call it for
// each of their requests, so it takes no lock and, after a few reads, allocates nothing.
func (c *Client) cachedSecret(provider string) *secret {
	if !c.cached {
		return nil
	}
	return c.keys.Load(provider)
}

// fetch reads the provider's secret for the cache. If a secret is cached and the token may read
// metadata, it reads the metadata first: then an unchanged secret is not sent again, and Vault's
// audit log shows no read of it.
func (c *Client) fetch(ctx context.Context, provider string, held *secret) (*secret, error) {
	entry := kv.EntryName{"providers", provider}
	if held != nil && !held.blind.Load() {
		meta, err := c.store.Metadata(ctx, entry)
		switch {
		case errors.Is(err, ErrPermissionDenied):
			held.blind.Store(true)
		case err != nil:
			return nil, vaulterr.WithOp("refresh", provider, err)
		case held.isCurrent(meta):
			return held, nil
		}
	}
	stored, err := c.store.Read(ctx, entry)
	if err != nil {
		return nil, vaulterr.WithOp("refresh", provider, err)
	}
	fresh := newSecret(stored)
	if held != nil && held.version == fresh.version && held.created.Equal(fresh.created) {
		return held, nil
	}
	return fresh, nil
}

// isCurrent reports whether the metadata are about this secret. A version that was or will be
// deleted is never current: Vault decides that by its own clock.
func (s *secret) isCurrent(meta kv.Metadata) bool {
	return meta.Current == s.version && meta.Versions[s.version].Equal(s.created) && meta.Deletion.IsZero() && !meta.Destroyed
}

// stored caches a secret that a rotation of this client has put in force, in the form in which
// Vault would return it.
func (c *Client) stored(provider string, written kv.Secret) {
	text, err := json.Marshal(written.Data)
	if err == nil {
		written.Data = nil
		err = json.Unmarshal(text, &written.Data)
	}
	if err != nil || written.Created.IsZero() {
		c.keys.Refresh(provider)
		return
	}
	c.keys.Put(provider, newSecret(written))
}

// refreshCached refreshes the cached secret after a verb of this client has found out which secret
// is in force. If the verb failed, the refresh happens in the background.
func (c *Client) refreshCached(ctx context.Context, provider string, err error) {
	if err == nil || errors.Is(err, ErrNoChange) {
		c.keys.Renew(ctx, provider)
		return
	}
	c.keys.Refresh(provider)
}

// afterRotation refreshes the cached secret, unless this rotation's commit was acknowledged: then
// stored has cached it.
func (c *Client) afterRotation(ctx context.Context, provider string, result *rotation.Result, err error) {
	if err != nil || result.Resumed || result.Record.Evidence == protocol.Inferred {
		c.refreshCached(ctx, provider, err)
	}
}

// declare fetches the providers of WithProviders.
func (c *Client) declare(ctx context.Context, providers []string) error {
	slices.Sort(providers)
	_, err := parallel.Map(ctx, fetchWorkers, slices.Compact(providers), func(ctx context.Context, provider string) (struct{}, error) {
		c.keys.Keep(provider)
		return struct{}{}, c.store.RetryWhile(ctx, unavailable, func() error {
			_, err := c.keys.Get(ctx, provider)
			return vaulterr.WithOp("New", provider, err)
		})
	})
	return err
}

func unavailable(err error) bool { return errors.Is(err, ErrUnavailable) && !vaulterr.TLSMismatch(err) }

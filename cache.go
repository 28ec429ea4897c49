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

// WithCache makes GetAPIKey, GetField and GetProviderKeys answer from memory. After the first
// read of a provider they return at once, even if their context has ended: GetAPIKey and
// GetField in nanoseconds, GetProviderKeys in the time it takes to copy a map.
//
// The client fetches the secrets in use again in the background, at a random moment between 0.6
// and 0.9 of ttl. So it sees a rotation by another client within ttl. It sees its own rotations
// at once. While Vault is unavailable or refuses, an older secret is served for maxStale more;
// the observer and the log report it. After that, reading fails as without a cache. A failure is
// cached for a second.
//
// A deleted secret is dropped within ttl. A secret that nobody reads is dropped within three ttl,
// but not during an outage, because it could not be fetched again. Close drops everything.
//
// ttl is at least a second. A minute suits most services, with a maxStale of an hour or a day.
// Default: every read asks Vault.
func WithCache(ttl, maxStale time.Duration) Option {
	return func(s *settings.Settings) { s.TTL, s.MaxStale, s.Caching = ttl, maxStale, true }
}

// WithProviders makes New fetch these providers into the cache and keep them there, so that
// reading them never waits. New blocks until it has all of them. It waits for an unavailable
// Vault, at the login too, until its context ends or, if set, Timeouts.Start has passed. A
// provider that does not exist is an error. WithProviders needs WithCache.
func WithProviders(providers ...string) Option {
	return func(s *settings.Settings) { s.Declared = append(s.Declared, providers...) }
}

const (
	// pollInterval is how often Watch asks where nothing else is said.
	pollInterval = 30 * time.Second
	// fetchWorkers bounds how many declared providers are fetched at once.
	fetchWorkers = 8
)

// refreshBackoff paces the refreshes of a secret that fail. Each of them tries for
// Timeouts.Read already.
var refreshBackoff = backoff.Backoff{Min: time.Second, Max: 10 * time.Second}

// cacheConfig is for what keeps the secrets of a client, for its reads or for Watch
// alone. Those who watch know for themselves how old is too old.
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

// isGone: a definite answer that there is no secret.
func isGone(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrDeleted) }

// atHand is the provider's secret if it is cached, or nil. Services call it for each
// of their requests: it takes no lock and allocates nothing once it was read a few
// times.
func (c *Client) atHand(provider string) *secret {
	if !c.cached {
		return nil
	}
	return c.keys.Load(provider)
}

// fetch reads the provider's secret for the cache. Where one is held already, and
// the token may, it asks the metadata first: what has not changed is then neither
// sent again nor noted as read in Vault's audit log.
func (c *Client) fetch(ctx context.Context, provider string, held *secret) (*secret, error) {
	key := kv.Key{"providers", provider}
	if held != nil && !held.blind.Load() {
		meta, err := c.store.Metadata(ctx, key)
		switch {
		case errors.Is(err, ErrPermissionDenied):
			held.blind.Store(true)
		case err != nil:
			return nil, vaulterr.WithOp("refresh", provider, err)
		case held.isCurrent(meta):
			return held, nil
		}
	}
	stored, err := c.store.Read(ctx, key)
	if err != nil {
		return nil, vaulterr.WithOp("refresh", provider, err)
	}
	fresh := newSecret(stored)
	if held != nil && held.version == fresh.version && held.created.Equal(fresh.created) {
		return held, nil
	}
	return fresh, nil
}

// isCurrent reports that a secret is what its metadata speak of. One that was or
// will be deleted is Vault's to judge, by its own clock.
func (s *secret) isCurrent(meta kv.Metadata) bool {
	return meta.Current == s.version && meta.Versions[s.version].Equal(s.created) && meta.Deletion.IsZero() && !meta.Destroyed
}

// stored makes a secret that a rotation of this client has put in force the one
// that is read, as reading it would show it.
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

// catchUp makes sure that reading shows what a verb of this client has found to be
// in force, and, where it could not find out, that it is looked at soon.
func (c *Client) catchUp(ctx context.Context, provider string, err error) {
	if err == nil || errors.Is(err, ErrNoChange) {
		c.keys.Renew(ctx, provider)
		return
	}
	c.keys.Refresh(provider)
}

// follow is catchUp, after a rotation: what this very run has put in force is known if
// Vault acknowledged it, and one that failed may have seen more than is cached.
func (c *Client) follow(ctx context.Context, provider string, result *rotation.Result, err error) {
	if err != nil || result.Resumed || result.Record.Evidence == protocol.Inferred {
		c.catchUp(ctx, provider, err)
	}
}

// declare fetches the providers the client was told to keep.
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

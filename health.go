package vaultkit

import "time"

// Health is the state of a client, as far as the client knows without a request to Vault.
type Health struct {
	// Closed reports whether the client was closed.
	Closed bool
	// DownSince is the time since which Vault has served no request of this client. It is zero
	// while Vault serves. A request that hangs counts after Timeouts.Request. A request whose own
	// context ends before does not count.
	DownSince time.Time
	// DownError is the error of the last request, if DownSince is set.
	DownError error
	// LoginError is why the last login failed. Requests fail now, or will fail after TokenEnds. A
	// token of WithToken that expires soon is not an error until it has expired or Vault has
	// refused it.
	LoginError error
	// TokenEnds is when the token expires, unless the client renews or replaces it before. Zero:
	// never, or not known.
	TokenEnds time.Time
	// Stale lists the cached and watched providers that could not be checked for longer than ttl,
	// or than the poll interval, sorted. Cached ones are still served, for maxStale more.
	Stale []string
	// Missing lists the providers of WithProviders that cannot be read, sorted.
	Missing []string
	// Lost lists the watched providers that cannot be read, without those in Missing, sorted.
	// Their watchers may still use an earlier secret.
	Lost []string
}

// OK reports whether everything works: for a metric or an alarm. A service that has its keys
// should stay ready while OK is false: see Ready.
func (h Health) OK() bool {
	return h.Ready() && h.DownError == nil && h.LoginError == nil && len(h.Stale) == 0 && len(h.Lost) == 0
}

// Ready reports whether every provider of WithProviders can be read: for a readiness probe.
// Without WithProviders it only reports that the client is not closed.
func (h Health) Ready() bool { return !h.Closed && len(h.Missing) == 0 }

// Health returns the client's state. It sends no request and does not block.
func (c *Client) Health() Health {
	state := c.session.State()
	problems := c.keys.Problems()
	return Health{
		Closed: state.Closed, DownSince: state.Down, DownError: state.DownError,
		LoginError: state.LoginError, TokenEnds: state.Ends,
		Stale: problems.Stale, Missing: problems.Missing, Lost: problems.Lost,
	}
}

package vaultkit

import "time"

// Health is how a client stands, as far as it knows without asking Vault.
type Health struct {
	// Closed: the client was closed.
	Closed bool
	// DownSince is since when Vault has not served a request of this client (one that
	// hangs is known after Timeouts.Request), and
	// DownError the last one's error; zero and nil while it does. A call whose own
	// context ends first says nothing of Vault.
	DownSince time.Time
	DownError error
	// LoginError is why the last login failed: nothing works any more, or nothing
	// will from TokenEnds on. That a token of WithToken is due to be replaced is none
	// while it works; it is once that token has ended or Vault has refused it.
	LoginError error
	// TokenEnds is when the token ends unless it is renewed or replaced, which the
	// client does by itself; zero: never, or not known.
	TokenEnds time.Time
	// Stale are the cached and watched providers whose newest secret is not known
	// for longer than ttl, or than the poll interval, sorted: cached ones are served
	// still, up to maxStale.
	Stale []string
	// Missing are the providers of WithProviders that cannot be read, sorted.
	Missing []string
	// Lost are the watched providers that cannot be read, less those in Missing,
	// sorted; who watches them may have an earlier secret in use.
	Lost []string
}

// OK reports that nothing is wrong: for a metric or an alarm. A service that still
// has its keys had better stay ready while this is false: see Ready.
func (h Health) OK() bool {
	return h.Ready() && h.DownError == nil && h.LoginError == nil && len(h.Stale) == 0 && len(h.Lost) == 0
}

// Ready reports that every provider of WithProviders can be read: for a readiness
// probe. Without any it says only that the client was not closed.
func (h Health) Ready() bool { return !h.Closed && len(h.Missing) == 0 }

// Health is how the client stands now. It asks nobody and does not block.
func (c *Client) Health() Health {
	state := c.session.State()
	troubles := c.keys.Problems()
	return Health{
		Closed: state.Closed, DownSince: state.Down, DownError: state.DownError,
		LoginError: state.LoginError, TokenEnds: state.Ends,
		Stale: troubles.Stale, Missing: troubles.Missing, Lost: troubles.Lost,
	}
}

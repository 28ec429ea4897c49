package vaultkit

import (
	"context"
	"log/slog"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// WithObserver calls observe with each event, for metrics and alarms; see package event. The
// call is synchronous and comes from several goroutines at once, so observe must be quick,
// and it must not call the client. If the option is given several times, every function is
// called. Default: none.
func WithObserver(observe func(event.Event)) Option {
	return func(s *settings.Settings) { s.Observers = append(s.Observers, observe) }
}

// observer returns a function that passes an event to the log and to every observer.
func observer(s *settings.Settings) func(event.Event) {
	return func(e event.Event) {
		if logs(s.Logger, e) {
			s.Logger.LogAttrs(context.Background(), levelOf(e), "vaultkit", slog.Any("event", e))
		}
		for _, observe := range s.Observers {
			observe(e)
		}
	}
}

// logs reports whether to log an event. The session logs its own events.
func logs(logger *slog.Logger, e event.Event) bool {
	switch e.Kind {
	case event.Login, event.Relogin, event.Renewal:
		return false
	}
	return logger.Enabled(context.Background(), levelOf(e))
}

func levelOf(e event.Event) slog.Level {
	switch {
	case e.Kind == event.Stale, e.Kind == event.Dropped, e.Kind == event.LeftOut, e.Phase == event.Failed:
		return slog.LevelWarn
	case e.Kind == event.Rotation, e.Kind == event.Recovery, e.Kind == event.Refresh && e.Err != nil:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// observeCache passes an event of the cache to the observers.
func (c *Client) observeCache(e cache.Event[secret]) {
	told := event.Event{Provider: e.Name, Took: e.Took, Err: e.Err}
	if e.Value != nil {
		told.Version = e.Value.version
	}
	switch e.Action {
	case cache.Refreshed:
		told.Kind = event.Refresh
	case cache.WentStale:
		told.Kind = event.Stale
	case cache.Dropped:
		told.Kind = event.Dropped
	}
	if told.Err == nil && told.Kind != event.Refresh { // the fetch that would have an error still runs
		told.Err = vaulterr.WithOp("refresh", e.Name, c.session.State().DownError)
	}
	c.observe(told)
}

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

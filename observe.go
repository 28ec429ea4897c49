package vaultkit

import (
	"context"
	"log/slog"

	"goblin/vaultkit/internal/cache"
	"goblin/vaultkit/internal/event"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Event is one thing that a client did or that befell it, for an observer. Its fields
// are Kind, Provider, Version (of the provider's secret), ID (of the rotation), Phase,
// Outcome (of a recovery), Took (a [time.Duration], of all that ask Vault) and Err
// (nil: it worked); its Kind says which are filled in. It never holds a secret.
type Event = event.Event

// EventKind is what an event is about.
type EventKind = event.Kind

// The kinds of events.
const (
	EventLogin    = event.Login    // the first login
	EventRelogin  = event.Relogin  // a later one, as the token had ended or was refused
	EventRenewal  = event.Renewal  // the token was extended
	EventRead     = event.Read     // a secret was read from Vault, not from memory, for a caller: Provider, Version
	EventRefresh  = event.Refresh  // a cached or watched secret was looked at, and fetched if it is another: Provider, Version
	EventStale    = event.Stale    // a secret older than its ttl is served: Provider, Version; Err says why, nil where Vault has yet to answer
	EventDropped  = event.Dropped  // a cached secret is too old to be served, or gone: Provider
	EventRotation = event.Rotation // a rotation reached a phase: Provider, Version, ID, Phase
	EventRecovery = event.Recovery // a rotation without a record was looked into: Provider, ID, Outcome
	EventLeftOut  = event.LeftOut  // the list of providers holds names that vaultkit does not take: Err says how many; once for each number
)

// Phase is how far a rotation has come, in an EventRotation.
type Phase = event.Phase

// The phases of a rotation, in their order.
const (
	PhaseBegun     = event.Begun     // every check was passed; Version is the old one
	PhaseBackedUp  = event.BackedUp  // the old secret is in its backup
	PhaseCommitted = event.Committed // the new secret is in force; Version is the new one
	PhaseRecorded  = event.Recorded  // and its record is written
	PhaseFailed    = event.Failed    // Err says how; with ErrUndetermined the new secret may be in force
)

// WithObserver has observe called with each [Event], for metrics and alarms. It is
// called synchronously, by several goroutines at once, and must be quick: what it
// waits for, the client waits for. An Event's Err is nil where the thing worked. It
// must not call the client. Given twice, both are called. Default: nobody.
func WithObserver(observe func(Event)) Option {
	return func(s *settings.Settings) { s.Observers = append(s.Observers, observe) }
}

// observer is all who are told: the observers, and the log of what the session does
// not log itself.
func observer(s *settings.Settings) func(Event) {
	return func(e Event) {
		if logs(s.Logger, e) {
			s.Logger.LogAttrs(context.Background(), levelOf(e), "vaultkit", slog.Any("event", e))
		}
		for _, observe := range s.Observers {
			observe(e)
		}
	}
}

// logs reports an event for the log that it does not have from the session.
func logs(logger *slog.Logger, e Event) bool {
	switch e.Kind {
	case EventLogin, EventRelogin, EventRenewal:
		return false
	}
	return logger.Enabled(context.Background(), levelOf(e))
}

func levelOf(e Event) slog.Level {
	switch {
	case e.Kind == EventStale, e.Kind == EventDropped, e.Kind == EventLeftOut, e.Phase == PhaseFailed:
		return slog.LevelWarn
	case e.Kind == EventRotation, e.Kind == EventRecovery, e.Kind == EventRefresh && e.Err != nil:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// observeCache tells of what the cache did.
func (c *Client) observeCache(e cache.Event[secret]) {
	told := Event{Provider: e.Name, Took: e.Took, Err: e.Err}
	if e.Value != nil {
		told.Version = e.Value.version
	}
	switch e.Action {
	case cache.Refreshed:
		told.Kind = EventRefresh
	case cache.Staled:
		told.Kind = EventStale
	case cache.Dropped:
		told.Kind = EventDropped
	}
	if told.Err == nil && told.Kind != EventRefresh { // the fetch that would say why has not ended
		told.Err = vaulterr.In("refresh", e.Name, c.session.State().DownError)
	}
	c.observe(told)
}

package vaultkit

import (
	"context"
	"log/slog"

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

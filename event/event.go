// Package event describes what a client of package vaultkit does, for metrics, logs and
// alarms.
//
// vaultkit.WithObserver calls a function with every [Event]:
//
//	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
//		vaultkit.WithObserver(func(e event.Event) {
//			counter.WithLabelValues(string(e.Kind)).Inc() // a CounterVec of Prometheus
//			if e.Kind == event.Stale {
//				alarm(e.Provider, e.Err) // a function of yours that alerts an operator
//			}
//		}))
//
// The [Kind] of an event says what happened, and which other fields are set. These are the main
// kinds:
//
//   - [Login], [Relogin], [Renewal]: the client logged in, or renewed its token.
//   - [Read]: a secret was read from Vault for a caller.
//   - [Refresh]: a cached secret was checked, and fetched if it had changed.
//   - [Stale]: the cache serves a secret older than its ttl, because it cannot refresh it.
//   - [Dropped]: the cache no longer serves a secret that is too old or was deleted.
//   - [Rotation]: a rotation reached a [Phase], such as [Committed] or [Failed].
//   - [Recovery]: Client.Recover found out what an unfinished rotation did.
//
// For Stale and Dropped, Err says why. For the other kinds, Err is set if they failed.
// docs/services.md says which events should raise an alarm.
//
// The function is called from several goroutines at once, and the client waits for it: it must
// be quick, and must not call the client. An event holds no secret, however it is printed.
package event

import (
	"log/slog"
	"time"
)

// Kind is what an event is about.
type Kind string

// The kinds of events, and the fields that each sets besides Kind. Err is set if it failed. Took
// is set if the client sent a request to Vault.
const (
	// Login is the first login.
	Login Kind = "login"
	// Relogin is a later login, because the token ended or was refused.
	Relogin Kind = "relogin"
	// Renewal is a renewal of the token.
	Renewal Kind = "renewal"
	// Read is a read of a secret from Vault, for a caller: Provider, Version.
	Read Kind = "read"
	// Refresh is a check of a cached or watched secret, which is fetched if it changed: Provider,
	// Version.
	Refresh Kind = "refresh"
	// Stale says that a secret older than its ttl is served: Provider, Version. Err says why; it is
	// nil if Vault has not responded yet. It comes once, until the secret is refreshed.
	Stale Kind = "stale"
	// Dropped says that a cached secret is too old to be served, or was deleted: Provider, Version.
	Dropped Kind = "dropped"
	// Rotation says that a rotation reached a phase: Provider, Version, ID, Phase.
	Rotation Kind = "rotation"
	// Recovery says that Recover found the outcome of a rotation without a record: Provider, ID,
	// Outcome.
	Recovery Kind = "recovery"
	// LeftOut says that the list of providers contains invalid names. Err says how many. It comes
	// once for each number.
	LeftOut Kind = "left-out"
)

// Phase is how far a rotation has come, in a Rotation event.
type Phase string

// The phases of a rotation, in their order.
const (
	Begun     Phase = "begun"     // all checks passed; Version is the old one
	BackedUp  Phase = "backed-up" // the old secret is in its backup
	Committed Phase = "committed" // the new secret is in force; Version is the new one
	Recorded  Phase = "recorded"  // the record is written
	Failed    Phase = "failed"    // Err says why; with vaultkit.ErrUndetermined the new secret may be in force
)

// Event describes something that a client did or observed. Its Kind says which fields are set.
type Event struct {
	Kind     Kind          `json:"kind"`
	Provider string        `json:"provider,omitempty"` // its name
	Version  int           `json:"version,omitempty"`  // of the provider's secret
	ID       string        `json:"id,omitempty"`       // of the rotation
	Phase    Phase         `json:"phase,omitempty"`    // of the rotation
	Outcome  string        `json:"outcome,omitempty"`  // of a recovery, a vaultkit.Outcome
	Took     time.Duration `json:"took,omitempty"`     // in JSON: nanoseconds
	Err      error         `json:"-"`                  // a *vaultkit.Error; nil: it worked
}

// LogValue returns the fields that are set, as a group for package log/slog.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	for _, text := range []struct{ name, value string }{
		{"provider", e.Provider}, {"id", e.ID}, {"phase", string(e.Phase)}, {"outcome", e.Outcome},
	} {
		if text.value != "" {
			attrs = append(attrs, slog.String(text.name, text.value))
		}
	}
	if e.Version > 0 {
		attrs = append(attrs, slog.Int("version", e.Version))
	}
	if e.Took > 0 {
		attrs = append(attrs, slog.Duration("took", e.Took))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	return slog.GroupValue(attrs...)
}

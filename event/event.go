// Package event describes what a client of package vaultkit does, for metrics, logs and
// alarms.
//
// vaultkit.WithObserver calls a function with every [Event]:
//
//	client, err := vaultkit.New(ctx, vaultkit.WithEnvironment(),
//		vaultkit.WithObserver(func(e event.Event) {
//			requests.WithLabelValues(string(e.Kind)).Inc()
//			if e.Kind == event.Stale {
//				alarm(e.Provider, e.Err)
//			}
//		}))
//
// Its [Kind] says which fields of an event are set; a rotation reports each [Phase]. An
// event never holds a secret, however it is printed.
package event

import (
	"log/slog"
	"time"
)

// Kind is what an event is about.
type Kind string

// The kinds of events, and the fields that each sets besides Kind. Took is set for everything
// that sends a request to Vault, and Err if it failed.
const (
	Login    Kind = "login"    // the first login
	Relogin  Kind = "relogin"  // a later login, because the token ended or was refused
	Renewal  Kind = "renewal"  // the token was renewed
	Read     Kind = "read"     // a secret was read from Vault for a caller: Provider, Version
	Refresh  Kind = "refresh"  // a cached or watched secret was checked, and fetched if it changed: Provider, Version
	Stale    Kind = "stale"    // a secret older than its ttl is served: Provider, Version; Err says why, nil if Vault has not answered yet
	Dropped  Kind = "dropped"  // a cached secret is too old to be served, or gone: Provider, Version
	Rotation Kind = "rotation" // a rotation reached a phase: Provider, Version, ID, Phase
	Recovery Kind = "recovery" // the outcome of a rotation without a record was looked up: Provider, ID, Outcome
	LeftOut  Kind = "left-out" // the list of providers has invalid names: Err says how many; once for each number
)

// Phase is how far a rotation has come, in a Rotation event.
type Phase string

// The phases of a rotation, in their order.
const (
	Begun     Phase = "begun"     // every check was passed; Version is the old one
	BackedUp  Phase = "backed-up" // the old secret is in its backup
	Committed Phase = "committed" // the new secret is in force; Version is the new one
	Recorded  Phase = "recorded"  // the record is written
	Failed    Phase = "failed"    // Err says why; with vaultkit.ErrUndetermined the new secret may be in force
)

// Event describes something that a client did or observed.
type Event struct {
	Kind     Kind          `json:"kind"`
	Provider string        `json:"provider,omitempty"`
	Version  int           `json:"version,omitempty"` // of the provider's secret
	ID       string        `json:"id,omitempty"`      // of the rotation
	Phase    Phase         `json:"phase,omitempty"`
	Outcome  string        `json:"outcome,omitempty"` // of a recovery, a vaultkit.Outcome
	Took     time.Duration `json:"took,omitempty"`    // in nanoseconds
	Err      error         `json:"-"`                 // nil: it worked
}

// LogValue returns the fields that are set, as a group.
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

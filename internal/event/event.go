// Package event is what a client tells its observer. It is a package of its own
// because every layer has something to tell.
package event

import (
	"log/slog"
	"time"
)

// Kind is what an event is about.
type Kind string

// The kinds. Which fields of an Event each fills in is said here; Took is filled
// in by all that ask Vault.
const (
	Login    Kind = "login"    // the first login: Err is why it failed
	Relogin  Kind = "relogin"  // a later one
	Renewal  Kind = "renewal"  // of the token, as it is kept alive
	Read     Kind = "read"     // a provider's secret, asked of Vault for a caller: Provider, Version, Err
	Refresh  Kind = "refresh"  // of a cached or watched secret: Provider, Version, Err
	Stale    Kind = "stale"    // a secret older than its TTL is served: Provider, Version, Err (nil: no answer yet)
	Dropped  Kind = "dropped"  // a cached secret is too old to be served, or gone: Provider, Version, Err
	Rotation Kind = "rotation" // a phase of a rotation was reached: Provider, ID, Phase, Version
	Recovery Kind = "recovery" // a rotation without a record was looked into: Provider, ID, Outcome
	LeftOut  Kind = "left-out" // names in a list of providers that vaultkit does not take: Err counts them
)

// Phase is how far a rotation has come.
type Phase string

// The phases, in their order.
const (
	Begun     Phase = "begun"     // the old secret was read: Version is its
	BackedUp  Phase = "backed-up" // it is in its backup
	Committed Phase = "committed" // the new one is in force: Version is its
	Recorded  Phase = "recorded"  // and the record is written
	Failed    Phase = "failed"    // Err says how; with ErrUndetermined the new one may be in force
)

// Event is one thing that happened. It holds no secret, however it is printed.
type Event struct {
	Kind     Kind          `json:"kind"`
	Provider string        `json:"provider,omitempty"`
	Version  int           `json:"version,omitempty"` // of the provider's secret
	ID       string        `json:"id,omitempty"`      // of the rotation
	Phase    Phase         `json:"phase,omitempty"`
	Outcome  string        `json:"outcome,omitempty"` // of a recovery
	Took     time.Duration `json:"took,omitempty"`    // in nanoseconds
	Err      error         `json:"-"`                 // nil: it worked
}

// LogValue is the event as a group of what is filled in.
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

package vaultkittest

import (
	"slices"
	"time"

	"goblin/vaultkit"
)

// Seal makes the server answer every request that it is sealed, until [Server.Unseal].
func (s *Server) Seal() { s.vault.Seal() }

// Unseal ends Seal. The data is as it was.
func (s *Server) Unseal() { s.vault.Unseal() }

// Disconnect makes the server unreachable until [Server.Reconnect]: no request reaches it.
func (s *Server) Disconnect() { s.wire.change(func(w *wire) { w.cut = true }) }

// Reconnect ends Disconnect.
func (s *Server) Reconnect() { s.wire.change(func(w *wire) { w.cut = false }) }

// Delay makes every request take at least d, as on a slow network. 0 ends it.
func (s *Server) Delay(d time.Duration) { s.wire.change(func(w *wire) { w.delay = d }) }

// Write is a kind of write in a rotation.
type Write string

// The writes of a rotation, in their order.
const (
	Backup Write = "backups"   // the old secret is backed up
	Commit Write = "providers" // the new secret is written; PutProviderKeys sends it, too
	Record Write = "rotations" // the audit record is written
)

// DisconnectAfter makes the server unreachable as soon as it has applied the next write of a kind:
// the client gets no response to it, and cannot find out whether it was applied. Its rotation ends
// with vaultkit.ErrUndetermined. [Server.Reconnect] ends it.
func (s *Server) DisconnectAfter(kind Write) {
	s.wire.change(func(w *wire) { w.cutAfter = kind })
}

// LoseAnswers makes the server apply the next n writes of the given kinds, but drop its
// responses. The client finds out by itself, by sending them again or by reading. Without a kind it
// is every write of a rotation.
func (s *Server) LoseAnswers(n int, kinds ...Write) {
	if len(kinds) == 0 {
		kinds = []Write{Backup, Commit, Record}
	}
	s.wire.change(func(w *wire) { w.lose, w.losing = n, slices.Clone(kinds) })
}

// WriteBeforeCommit makes somebody else store keys under the provider just before the next
// rotation by any client commits. That rotation ends with vaultkit.ErrConflict.
func (s *Server) WriteBeforeCommit(provider string, keys vaultkit.ProviderKeys) {
	s.wire.change(func(w *wire) { w.rivals = append(w.rivals, func() { s.PutProvider(provider, keys) }) })
}

// Requests returns the requests of the clients so far, in their order. Those of the methods of
// Server are not among them.
func (s *Server) Requests() (requests []Request) {
	s.wire.change(func(w *wire) { requests = slices.Clone(w.requests) })
	return requests
}

func (w *wire) change(f func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

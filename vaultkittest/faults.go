package vaultkittest

import (
	"slices"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/kv"
)

// Seal makes the server answer every request of a client that it is sealed, until
// [Server.Unseal]. The methods of Server go on working, as during the other faults.
func (s *Server) Seal() { s.wire.change(func(w *wire) { w.sealed = true }) }

// Unseal ends Seal. The data is as it was.
func (s *Server) Unseal() { s.wire.change(func(w *wire) { w.sealed = false }) }

// Disconnect makes the server unreachable until [Server.Reconnect]: no new request reaches it.
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
	s.t.Helper()
	s.checkKinds("DisconnectAfter", kind)
	s.wire.change(func(w *wire) { w.cutAfter = kind })
}

// LoseAnswers makes the server apply the next n writes of the given kinds, but drop its
// responses. The client finds out by itself, by sending them again or by reading. Without a kind it
// is every write of a rotation.
func (s *Server) LoseAnswers(n int, kinds ...Write) {
	s.t.Helper()
	s.checkKinds("LoseAnswers", kinds...)
	if len(kinds) == 0 {
		kinds = []Write{Backup, Commit, Record}
	}
	s.wire.change(func(w *wire) { w.lose, w.losing = n, slices.Clone(kinds) })
}

// checkKinds fails the test if a kind of write is unknown: its fault would never happen.
func (s *Server) checkKinds(method string, kinds ...Write) {
	s.t.Helper()
	for _, kind := range kinds {
		if kind != Backup && kind != Commit && kind != Record {
			s.t.Fatalf("vaultkittest: %s: there is no kind of write %q, want Backup, Commit or Record", method, kind)
		}
	}
}

// WriteBeforeCommit makes somebody else store keys under a provider just before a client's next
// write to it. If that is the commit of a rotation, the rotation ends with vaultkit.ErrConflict.
func (s *Server) WriteBeforeCommit(provider string, keys vaultkit.ProviderKeys) {
	s.t.Helper()
	s.must("store a provider", kv.CheckName("provider name", provider))
	write := func() {
		if err := s.put(provider, keys); err != nil { // this goroutine is the client's
			s.t.Errorf("vaultkittest: store %s before a commit: %v", provider, err)
		}
	}
	s.wire.change(func(w *wire) { w.rivals = append(w.rivals, rival{w.base + string(Commit) + "/" + provider, write}) })
}

// Requests returns the requests that clients have sent so far, in their order, also those that did
// not reach the server. Those of the methods of Server are not among them.
func (s *Server) Requests() (requests []Request) {
	s.wire.change(func(w *wire) { requests = slices.Clone(w.requests) })
	return requests
}

func (w *wire) change(f func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

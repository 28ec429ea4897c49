package session

import (
	"errors"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// State describes a session as of the last requests and logins.
type State struct {
	Closed bool
	// Down is the time since which no request succeeded, and DownError is the last
	// request's error. Both are zero while Vault serves requests.
	Down      time.Time
	DownError error
	// LoginError is the error of the last login, if it failed. A static token nearing
	// expiry is not an error until it expires or is rejected.
	LoginError error
	// Ends is the time at which the token expires unless it is renewed. Zero means never
	// or unknown.
	Ends time.Time
}

// State returns the present state. It sends no request and does not block.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Closed: s.closed, Ends: s.ends}
	since, err := s.transport.availability.outage()
	state.Down, state.DownError = since, vaulterr.WithOp("", "", err)
	over := !s.ends.IsZero() && !time.Now().Before(s.ends)
	if s.tokenRefused || over || !s.tokenMayWork && !errors.Is(s.failure, errSameToken) {
		state.LoginError = s.failure
	}
	return state
}

// recordRenewal updates the token's end after a renewal.
func (s *Session) recordRenewal(held *lease, ends time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == held {
		s.ends = ends
	}
}

package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"goblin/vaultkit/internal/vaulterr"
)

// pulse says whether Vault serves, by the last answer there was.
type pulse struct{ trouble atomic.Pointer[trouble] }

type trouble struct {
	since time.Time
	err   error
}

// feel notes how a request ended. One that its own caller gave up says nothing.
func (p *pulse) feel(ctx context.Context, err error) {
	last := p.trouble.Load()
	switch down := errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable); {
	case !down && last == nil, errors.Is(ctx.Err(), context.Canceled):
		return
	case !down:
		p.trouble.Store(nil)
	case last == nil:
		p.trouble.Store(&trouble{since: time.Now(), err: err})
	default:
		p.trouble.Store(&trouble{since: last.since, err: err})
	}
}

// State is how a session stands, as far as it knows without asking.
type State struct {
	Closed bool
	// Down is since when no request was served, with the last one's error; zero
	// while Vault serves.
	Down      time.Time
	DownError error
	// LoginError is why the last login failed; nil while there is a token.
	LoginError error
	// Ends is when the token ends unless it is renewed; zero: never, or unknown.
	Ends time.Time
}

// State is how the session stands now. It asks nobody and does not block.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Closed: s.closed, LoginError: s.failure, Ends: s.ends}
	if trouble := s.wire.pulse.trouble.Load(); trouble != nil {
		state.Down, state.DownError = trouble.since, vaulterr.In("", "", trouble.err)
	}
	return state
}

// extended notes that the token was renewed.
func (s *Session) extended(held *lease, ends time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == held {
		s.ends = ends
	}
}

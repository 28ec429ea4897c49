package session

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/vaulterr"
)

// loginBackoff is the pause after a failed login: 1 to 2 s at first, 15 to 30 s in the
// end. Without it, each request would log in at a server that refuses logins or is
// overloaded.
var loginBackoff = backoff.Backoff{Min: 2 * time.Second, Max: 30 * time.Second}

// pendingLogin is a running login, shared by all callers that wait for it.
type pendingLogin struct {
	done chan struct{}
	held *lease
	err  error
}

// relogin returns a lease other than seen. It returns the present lease if it is newer, or
// waits for a login that all callers share. If ctx ends, the login continues for the
// others.
func (s *Session) relogin(ctx context.Context, seen *lease) (*lease, error) {
	under, held, err := s.joinLogin(seen)
	if under == nil {
		return held, err
	}
	select {
	case <-under.done:
		return under.held, under.err
	case <-ctx.Done():
		return nil, vaulterr.WithOp("login", "", ctx.Err())
	}
}

// joinLogin returns the running login or starts one. It returns the present lease if that
// is newer than seen, and an error if the session is closed or pauses after a failed
// login.
func (s *Session) joinLogin(seen *lease) (*pendingLogin, *lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, nil, &vaulterr.Error{Kind: vaulterr.ErrClosed}
	case s.current != seen:
		return nil, s.current, nil
	case s.pending != nil:
		return s.pending, nil, nil
	case time.Now().Before(s.nextLogin):
		return nil, nil, s.failure
	}
	started := &pendingLogin{done: make(chan struct{})}
	s.pending = started
	s.background.Go(func() { s.runLogin(started, seen) })
	return started, nil, nil
}

// runLogin logs in. The caller that started the login may leave; the login does not use
// its context.
func (s *Session) runLogin(f *pendingLogin, seen *lease) {
	defer close(f.done)
	ctx, cancel := context.WithTimeout(s.ctx, 2*s.transport.timeout)
	defer cancel()
	began := time.Now()
	held, err := s.config.Login.login(ctx, s.transport, seen)
	f.held, f.err = held, s.reloginError(err)
	s.observe(event.Relogin, began, f.err)
	s.logOutcome(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
	if f.err == nil {
		s.failure, s.tokenMayWork, s.nextLogin, s.check = nil, false, time.Time{}, tokenCheck{open: true}
		s.watchResults.Store(true)
		s.setLease(held)
		return
	}
	// Reading an unchanged file costs the server nothing, so the pause does not grow.
	if !errors.Is(err, errSameToken) || s.failures == 0 {
		s.failures++
	}
	s.failure, s.tokenMayWork, s.nextLogin = f.err, false, time.Now().Add(loginBackoff.Delay(s.failures))
}

func (s *Session) logOutcome(f *pendingLogin) {
	switch {
	case f.err == nil:
		s.logLogin(true, f.held)
	case errors.Is(f.err, errSameToken): // the renewer logs the warnings
		s.log.Debug("vault token is unchanged", "error", f.err)
	case s.ctx.Err() == nil:
		s.log.Warn("failed to log in to vault", "method", s.config.Login, "error", f.err)
	}
}

// reloginError converts the error of a login for the callers of Do. It is
// ErrUnauthenticated unless Vault is unavailable or the session is closed.
func (s *Session) reloginError(err error) error {
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil:
		return &vaulterr.Error{Kind: vaulterr.ErrClosed, Err: err}
	case errors.Is(err, vaulterr.ErrUnavailable), errors.Is(err, vaulterr.ErrUnauthenticated):
		return vaulterr.WithOp("login", "", err)
	}
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: "the token is no longer valid, and logging in again failed",
	}
}

// setLease makes held the current lease and starts the renewer. The caller holds s.mu.
func (s *Session) setLease(held *lease) {
	s.logins.Add(1)
	s.current, s.ends, s.tokenRefused = held, newLeaseState(held, s.config.Login).knownEnd(), false
	s.config.Client.SetToken(held.client.Token())
	if held.lookedUp {
		s.denials.recordLookedUp(held)
	}
	if s.renewing {
		select {
		case s.changed <- struct{}{}:
		default: // the renewer has not seen an earlier change yet, and will see both
		}
		return
	}
	if what, _ := newLeaseState(held, s.config.Login).next(held.since, 0, 0); what == stepWait || s.closed {
		return
	}
	s.renewing = true
	s.background.Go(func() { newRenewer(s, held).run() })
}

// untilNextLogin returns the rest of the pause after a failed login.
func (s *Session) untilNextLogin() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.nextLogin)
}

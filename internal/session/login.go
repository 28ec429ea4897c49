package session

import (
	"context"
	"errors"
	"time"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/vaulterr"
)

// coolDown is the pause after a failed login: 1-2 s at first, 15-30 s in the
// end. It keeps a refused or overloaded login from being asked per request.
var loginBackoff = backoff.Backoff{Min: 2 * time.Second, Max: 30 * time.Second}

// flight is a login under way, shared by everybody who waits for it.
type pendingLogin struct {
	done chan struct{}
	held *lease
	err  error
}

// relogin returns a lease other than the one seen: the present one if somebody
// already logged in, else that of a login shared with everybody who asks for
// one. A caller whose context ends leaves; the login goes on for the others.
func (s *Session) relogin(ctx context.Context, seen *lease) (*lease, error) {
	under, held, err := s.joinLogin(seen)
	if under == nil {
		return held, err
	}
	select {
	case <-under.done:
		return under.held, under.err
	case <-ctx.Done():
		return nil, vaulterr.In("login", "", ctx.Err())
	}
}

// board joins the login under way or starts one, unless there is no need, no
// permission yet, or no session any more.
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

// fly is the one login. It belongs to the session, not to the caller that
// happened to start it.
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
	// Reading a file that did not change loads nobody: its pause does not grow.
	if !errors.Is(err, errSameToken) || s.failures == 0 {
		s.failures++
	}
	s.failure, s.tokenMayWork, s.nextLogin = f.err, false, time.Now().Add(loginBackoff.Delay(s.failures))
}

// trial is how requests with the last login's token have ended so far.
type tokenCheck struct{ open, served, refused bool }

// lose notes that Vault has refused the token, unless there is another meanwhile.
func (s *Session) markRefused(held *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == held {
		s.tokenRefused = true
		s.watchResults.Store(true)
	}
}

// judge looks at how a request ended while the last login is on trial. Served, the
// login was a good one, and those that failed before are forgotten. Refused like the
// token before, by a standby that lags behind for instance, the login counts as
// failed: else there would be one per request.
func (s *Session) checkToken(held *lease, err error) {
	if s.countsAsFailed(held, err) {
		s.log.Warn("vault does not know the token it has just given", "method", s.config.Login, "accessor", held.accessor)
	}
}

// failedAfterAll reports, once, a login that counts as failed from now on. Its pause
// begins with the login: a token that is lost after hours is replaced at once. So is
// one that was served and is refused soon after: it may have been revoked. If that
// happens to the next one, too, it is the nodes that do not agree.
func (s *Session) countsAsFailed(held *lease, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current != held:
	case vaultKnewToken(err):
		s.tokenRefused, s.check.served = false, true
		if s.check.open && !held.young(loginBackoff.Min) {
			s.failures, s.failure, s.tokenMayWork, s.nextLogin = 0, nil, false, time.Time{}
			s.check.open = false
		}
		s.watchResults.Store(s.check.open)
	case vaulterr.InvalidToken(err) && s.check.open && !s.check.refused:
		s.check.refused, s.tokenRefused = true, true
		s.failures++
		if s.check.served && s.failures == 1 {
			return false
		}
		s.failure, s.tokenMayWork, s.nextLogin = unknownNewTokenError(err), true, held.since.Add(loginBackoff.Delay(s.failures))
		return true
	}
	return false
}

// young reports a token that Vault's nodes may not all know yet. One whose uses are
// counted is used up in no time, and one made elsewhere costs no login.
func (l *lease) young(age time.Duration) bool {
	return l.fromLogin && !l.usesLimited && time.Since(l.since) < age
}

// served reports that Vault knew the token, whatever it said of the request.
func vaultKnewToken(err error) bool {
	kind := vaulterr.Kind(err)
	return err == nil || answeredByVault(err) && !errors.Is(kind, vaulterr.ErrUnavailable) && !errors.Is(kind, vaulterr.ErrUnauthenticated)
}

func unknownNewTokenError(err error) error {
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: "Vault does not know the token that the login has just given",
		Hint:   "a standby may lag behind: look at the cluster's health, and at the role's token_num_uses",
	}
}

func (s *Session) logOutcome(f *pendingLogin) {
	switch {
	case f.err == nil:
		s.logLogin(true, f.held)
	case errors.Is(f.err, errSameToken): // the keeper's warnings say it
		s.log.Debug("vault token is unchanged", "error", f.err)
	case s.ctx.Err() == nil:
		s.log.Warn("login to vault failed", "method", s.config.Login, "error", f.err)
	}
}

// failed is a failed login as a caller of Do gets it: not logged in, whatever
// the cause, unless Vault could not be reached or the session is closing.
func (s *Session) reloginError(err error) error {
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil:
		return &vaulterr.Error{Kind: vaulterr.ErrClosed, Err: err}
	case errors.Is(err, vaulterr.ErrUnavailable), errors.Is(err, vaulterr.ErrUnauthenticated):
		return vaulterr.In("login", "", err)
	}
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: "the token is no longer valid and the new login failed",
	}
}

// install makes the lease the current one and sees to its keeping. The caller
// holds s.mu.
func (s *Session) setLease(held *lease) {
	s.current, s.ends, s.tokenRefused = held, newLeaseState(held, s.config.Login).knownEnd(), false
	s.config.Client.SetToken(held.client.Token())
	if held.lookedUp {
		s.denials.recordLookedUp(held)
	}
	if s.renewing {
		select {
		case s.changed <- struct{}{}:
		default: // the keeper has yet to see an earlier change, and will look
		}
		return
	}
	if what, _ := newLeaseState(held, s.config.Login).next(held.since, 0, 0); what == stepRest || s.closed {
		return
	}
	s.renewing = true
	s.background.Go(func() { newRenewer(s, held).run() })
}

// present is the lease in use.
func (s *Session) currentLease() *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// untilAllowed is the rest of the pause after a failed login.
func (s *Session) untilNextLogin() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.nextLogin)
}

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
var coolDown = backoff.Backoff{Min: 2 * time.Second, Max: 30 * time.Second}

// flight is a login under way, shared by everybody who waits for it.
type flight struct {
	done chan struct{}
	held *lease
	err  error
}

// relogin returns a lease other than the one seen: the present one if somebody
// already logged in, else that of a login shared with everybody who asks for
// one. A caller whose context ends leaves; the login goes on for the others.
func (s *Session) relogin(ctx context.Context, seen *lease) (*lease, error) {
	under, held, err := s.board(seen)
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
func (s *Session) board(seen *lease) (*flight, *lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, nil, &vaulterr.Error{Kind: vaulterr.ErrClosed}
	case s.current != seen:
		return nil, s.current, nil
	case s.login != nil:
		return s.login, nil, nil
	case time.Now().Before(s.allowed):
		return nil, nil, s.failure
	}
	started := &flight{done: make(chan struct{})}
	s.login = started
	s.owned.Go(func() { s.fly(started, seen) })
	return started, nil, nil
}

// fly is the one login. It belongs to the session, not to the caller that
// happened to start it.
func (s *Session) fly(f *flight, seen *lease) {
	defer close(f.done)
	ctx, cancel := context.WithTimeout(s.life, 2*s.wire.timeout)
	defer cancel()
	began := time.Now()
	held, err := s.config.Login.login(ctx, s.wire, seen)
	f.held, f.err = held, s.failed(err)
	s.observe(event.Relogin, began, f.err)
	s.logOutcome(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = nil
	if f.err == nil {
		s.failure, s.doubted, s.allowed, s.trial = nil, false, time.Time{}, trial{open: true}
		s.watched.Store(true)
		s.install(held)
		return
	}
	// Reading a file that did not change loads nobody: its pause does not grow.
	if !errors.Is(err, errSameToken) || s.failures == 0 {
		s.failures++
	}
	s.failure, s.doubted, s.allowed = f.err, false, time.Now().Add(coolDown.Delay(s.failures))
}

// trial is how requests with the last login's token have ended so far.
type trial struct{ open, served, refused bool }

// lose notes that Vault has refused the token, unless there is another meanwhile.
func (s *Session) lose(held *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == held {
		s.lost = true
		s.watched.Store(true)
	}
}

// judge looks at how a request ended while the last login is on trial. Served, the
// login was a good one, and those that failed before are forgotten. Refused like the
// token before, by a standby that lags behind for instance, the login counts as
// failed: else there would be one per request.
func (s *Session) judge(held *lease, err error) {
	if s.failedAfterAll(held, err) {
		s.log.Warn("vault does not know the token it has just given", "method", s.config.Login, "accessor", held.accessor)
	}
}

// failedAfterAll reports, once, a login that counts as failed from now on. Its pause
// begins with the login: a token that is lost after hours is replaced at once. So is
// one that was served and is refused soon after: it may have been revoked. If that
// happens to the next one, too, it is the nodes that do not agree.
func (s *Session) failedAfterAll(held *lease, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current != held:
	case served(err):
		s.lost, s.trial.served = false, true
		if s.trial.open && !held.young(coolDown.Min) {
			s.failures, s.failure, s.doubted, s.allowed = 0, nil, false, time.Time{}
			s.trial.open = false
		}
		s.watched.Store(s.trial.open)
	case vaulterr.InvalidToken(err) && s.trial.open && !s.trial.refused:
		s.trial.refused, s.lost = true, true
		s.failures++
		if s.trial.served && s.failures == 1 {
			return false
		}
		s.failure, s.doubted, s.allowed = refusedAtOnce(err), true, held.since.Add(coolDown.Delay(s.failures))
		return true
	}
	return false
}

// young reports a token that Vault's nodes may not all know yet. One whose uses are
// counted is used up in no time, and one made elsewhere costs no login.
func (l *lease) young(age time.Duration) bool {
	return l.obtained && !l.limited && time.Since(l.since) < age
}

// served reports that Vault knew the token, whatever it said of the request.
func served(err error) bool {
	kind := vaulterr.Kind(err)
	return err == nil || answered(err) && !errors.Is(kind, vaulterr.ErrUnavailable) && !errors.Is(kind, vaulterr.ErrUnauthenticated)
}

func refusedAtOnce(err error) error {
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: "Vault does not know the token that the login has just given",
		Hint:   "a standby may lag behind: look at the cluster's health, and at the role's token_num_uses",
	}
}

func (s *Session) logOutcome(f *flight) {
	switch {
	case f.err == nil:
		s.logLogin(true, f.held)
	case errors.Is(f.err, errSameToken): // the keeper's warnings say it
		s.log.Debug("vault token is unchanged", "error", f.err)
	case s.life.Err() == nil:
		s.log.Warn("login to vault failed", "method", s.config.Login, "error", f.err)
	}
}

// failed is a failed login as a caller of Do gets it: not logged in, whatever
// the cause, unless Vault could not be reached or the session is closing.
func (s *Session) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case s.life.Err() != nil:
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
func (s *Session) install(held *lease) {
	s.current, s.ends, s.lost = held, tenureOf(held, s.config.Login).known(), false
	s.config.Client.SetToken(held.client.Token())
	if held.looked {
		s.denials.lookedUp(held)
	}
	if s.keeping {
		select {
		case s.changed <- struct{}{}:
		default: // the keeper has yet to see an earlier change, and will look
		}
		return
	}
	if what, _ := tenureOf(held, s.config.Login).next(held.since, 0, 0); what == stepRest || s.closed {
		return
	}
	s.keeping = true
	s.owned.Go(func() { newKeeper(s, held).run() })
}

// present is the lease in use.
func (s *Session) present() *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// untilAllowed is the rest of the pause after a failed login.
func (s *Session) untilAllowed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.allowed)
}

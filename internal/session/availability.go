package session

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// pulse says whether Vault serves, by the last answer there was.
type availability struct {
	mu     sync.Mutex
	served time.Time // when Vault answered last
	since  time.Time // when it began not to serve; zero: it does
	err    error     // the last request's, since then
}

// feel notes how a request ended. One that its own caller gave up says nothing, and
// one that was not answered in time says nothing newer than its beginning.
func (a *availability) record(ctx context.Context, began time.Time, err error) {
	kind := vaulterr.Kind(err)
	down := errors.Is(kind, vaulterr.ErrUnavailable)
	if err != nil && !down && !answeredByVault(err) || down && noResponse(err) && canceledByCaller(ctx) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	switch {
	case !down:
		a.served, a.since, a.err = now, time.Time{}, nil
	case timedOut(err) && a.served.After(began):
	case a.since.IsZero():
		a.since, a.err = now, err
	default:
		a.err = err
	}
}

// down is since when Vault does not serve, with the last error.
func (a *availability) outage() (since time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.since, a.err
}

func noResponse(err error) bool {
	_, answered := errors.AsType[*api.ResponseError](err)
	return err != nil && !answered
}

// answered reports a refusal in Vault's own words.
func answeredByVault(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && !answer.RawError
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// gaveUp reports that the caller's context has ended, and not by a bound of ours.
func canceledByCaller(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), ErrTimeout)
}

// Overdue is to be the cause of the deadlines that this program sets for every
// request, for [context.WithTimeoutCause]: a Vault that does not answer within them
// is down, and one that a caller has no time to wait for is not.
var ErrTimeout error = timeoutError{}

// overdue passes for the context's own error, whose cause net/http returns.
type timeoutError struct{}

func (timeoutError) Error() string        { return context.DeadlineExceeded.Error() }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Temporary() bool      { return true }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// State is how a session stands, as far as it knows without asking.
type State struct {
	Closed bool
	// Down is since when no request was served, with the last one's error; zero
	// while Vault serves.
	Down      time.Time
	DownError error
	// LoginError is why the last login failed. Of a token made elsewhere, which is due
	// to be replaced, that is told only once it has ended or Vault has refused it.
	LoginError error
	// Ends is when the token ends unless it is renewed; zero: never, or unknown.
	Ends time.Time
}

// State is how the session stands now. It asks nobody and does not block.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Closed: s.closed, Ends: s.ends}
	since, err := s.transport.availability.outage()
	state.Down, state.DownError = since, vaulterr.In("", "", err)
	over := !s.ends.IsZero() && !time.Now().Before(s.ends)
	if s.tokenRefused || over || !s.tokenMayWork && !errors.Is(s.failure, errSameToken) {
		state.LoginError = s.failure
	}
	return state
}

// extended notes that the token was renewed.
func (s *Session) recordRenewal(held *lease, ends time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == held {
		s.ends = ends
	}
}

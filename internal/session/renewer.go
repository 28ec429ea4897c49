package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/vaulterr"
)

// step is what the keeper does next.
type step int

const (
	stepRest  step = iota // nothing, until another lease
	stepRenew             // extend the token
	stepLogin             // get another one
)

// tenure is what the keeper knows of a token's life: all that its decisions
// depend on.
type leaseState struct {
	granted       time.Duration // the TTL granted last; 0: no end, or none known
	longest       time.Duration // the longest TTL granted so far
	since         time.Time     // when the last grant was asked for
	renewable     bool          // and worth renewing still
	usesLimited   bool          // each renewal uses the token up, a login can wait
	notRepeatable bool          // no login can give another token
	failures      int           // of the present step, in a row
}

func newLeaseState(held *lease, by Method) leaseState {
	return leaseState{
		granted:   held.ttl,
		longest:   held.ttl,
		since:     held.since,
		renewable: held.renewable,
		// A spent token is found out by the request it fails, which logs in.
		usesLimited:   held.usesLimited && held.fromLogin,
		notRepeatable: !by.repeatable(),
	}
}

// next decides what to do and when. jitter in [0,1) spreads the sessions that
// started together; pause is how long to wait after a failure.
func (l leaseState) next(now time.Time, jitter float64, pause time.Duration) (step, time.Time) {
	point, retry := l.at(0.6+0.13*jitter), now.Add(pause) // around 2/3
	switch {
	case l.granted <= 0, l.usesLimited:
		return stepRest, time.Time{}
	case l.worthRenewing() && l.failures == 0:
		return stepRenew, point
	case l.worthRenewing() && retry.Before(l.at(0.9)): // later, leave the rest to the login
		return stepRenew, retry
	case l.worthRenewing():
		return stepLogin, now
	case l.failures == 0:
		return stepLogin, point
	case now.Before(l.ends()) && (l.notRepeatable || retry.After(l.ends())):
		return stepLogin, l.ends() // not to miss the moment worth a warning
	case l.notRepeatable:
		return stepRest, time.Time{}
	}
	return stepLogin, retry
}

// renews says whether renewing is worth it. A shrunken grant means that the
// maximum TTL is near; one second is the rounding of Vault's answers.
func (l leaseState) worthRenewing() bool {
	return l.renewable && l.granted >= l.longest-time.Second && l.granted > l.longest/2
}

func (l leaseState) at(share float64) time.Time {
	return l.since.Add(time.Duration(share * float64(l.granted)))
}

func (l leaseState) ends() time.Time { return l.at(1) }

// known is ends, or zero for a token without one.
func (l leaseState) knownEnd() time.Time {
	if l.granted <= 0 {
		return time.Time{}
	}
	return l.ends()
}

// keeper keeps the session's token alive, in one goroutine.
type renewer struct {
	session *Session
	held    *lease
	state   leaseState
	warned  int // warnings given about the end of this token
}

func newRenewer(s *Session, held *lease) *renewer {
	r := &renewer{session: s}
	r.setLease(held)
	return r
}

// adopt turns to another lease. The present one keeps its history.
func (r *renewer) setLease(held *lease) {
	if r.held == held {
		return
	}
	r.held, r.state, r.warned = held, newLeaseState(held, r.session.config.Login), 0
}

func (r *renewer) run() {
	for {
		what, at := r.state.next(time.Now(), rand.Float64(), r.pause())
		switch due, over := r.wait(what, at); {
		case over:
			return
		case !due:
			r.setLease(r.session.currentLease())
		case what == stepRenew:
			r.renew()
		case what == stepLogin:
			r.relogin()
		}
	}
}

// wait ends when the step is due, the lease changed, or the session is over.
func (r *renewer) wait(what step, at time.Time) (due, over bool) {
	var alarm <-chan time.Time
	if what != stepRest {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-r.session.ctx.Done():
		return false, true
	case <-r.session.changed:
		return false, false
	case <-alarm:
		return true, false
	}
}

// pause is the wait after the failures so far.
func (r *renewer) pause() time.Duration {
	switch {
	case r.state.failures == 0:
		return 0
	case r.state.worthRenewing():
		return r.session.config.Backoff.Delay(r.state.failures)
	}
	return max(r.session.untilNextLogin(), loginBackoff.Delay(r.state.failures))
}

func (r *renewer) renew() {
	since := time.Now()
	ctx, cancel := context.WithDeadlineCause(r.session.ctx, r.state.ends(), ErrTimeout)
	defer cancel()
	var answer *api.Secret
	err := r.session.attempt(ctx, r.held, func(ctx context.Context, c *api.Client) (err error) {
		answer, err = c.Auth().Token().RenewSelfWithContext(ctx, 0)
		return err
	})
	if err == nil && (answer == nil || answer.Auth == nil) {
		err = vaulterr.Invalid("the answer to the renewal holds no token")
	}
	r.session.observe(event.Renewal, since, vaulterr.In("renew", "", err))
	if err != nil {
		r.renewalFailed(err)
		return
	}
	r.state.since = since
	// Vault rounds down: 0 is the last second, which is not "no end".
	r.state.granted = max(time.Duration(answer.Auth.LeaseDuration)*time.Second, 1)
	r.state.longest = max(r.state.longest, r.state.granted)
	r.state.renewable = answer.Auth.Renewable
	r.state.failures = 0
	r.session.recordRenewal(r.held, r.state.ends())
	r.session.log.Debug("vault token renewed", "accessor", r.held.accessor, "ttl", r.state.granted)
}

// renewalFailed tries again what may pass, and else turns to logging in.
func (r *renewer) renewalFailed(err error) {
	if r.session.ctx.Err() != nil {
		return
	}
	r.session.log.Warn("vault token could not be renewed", "accessor", r.held.accessor, "error", vaulterr.In("renew", "", err))
	if errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable) {
		r.state.failures++
		return
	}
	r.state.renewable, r.state.failures = false, 0
	if vaulterr.InvalidToken(err) {
		r.session.markRefused(r.held)
		r.relogin()
	}
}

func (r *renewer) relogin() {
	held, err := r.session.relogin(r.session.ctx, r.held)
	if err == nil {
		r.setLease(held)
		return
	}
	if r.session.ctx.Err() != nil {
		return
	}
	r.state.renewable = false
	r.state.failures++
	if !r.held.fromLogin {
		r.warn()
	}
}

// warn says twice that a bare token ends: when there is nothing left to do for
// it, and when it has ended.
func (r *renewer) warn() {
	ends := r.state.ends()
	switch over := !time.Now().Before(ends); {
	case over && r.warned < 2:
		r.warned = 2
		r.session.log.Warn("vault token has ended; every request will fail until there is a new one",
			"method", r.session.config.Login, "accessor", r.held.accessor, "ended", ends)
	case !over && r.warned < 1:
		r.warned = 1
		r.session.log.Warn("vault token cannot be renewed any further; replace it before it ends",
			"method", r.session.config.Login, "accessor", r.held.accessor, "ends", ends)
	}
}

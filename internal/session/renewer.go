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

// step is what the renewer does next.
type step int

const (
	stepWait  step = iota // wait until the session has another lease
	stepRenew             // renew the token
	stepLogin             // log in again
)

// renewer keeps the session's token valid. It runs in one goroutine.
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

// setLease starts over with another lease. It keeps the state of the present one.
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

// next decides when the token is renewed: it returns the next step and its time. jitter in
// [0,1) keeps sessions that started together from renewing together. pause is the wait after
// a failure.
func (l leaseState) next(now time.Time, jitter float64, pause time.Duration) (step, time.Time) {
	point, retry := l.at(0.6+0.13*jitter), now.Add(pause) // around 2/3
	switch {
	case l.granted <= 0, l.usesLimited:
		return stepWait, time.Time{}
	case l.worthRenewing() && l.failures == 0:
		return stepRenew, point
	case l.worthRenewing() && retry.Before(l.at(0.9)): // leave the last tenth to the login
		return stepRenew, retry
	case l.worthRenewing():
		return stepLogin, now
	case l.failures == 0:
		return stepLogin, point
	case now.Before(l.ends()) && (l.notRepeatable || retry.After(l.ends())):
		return stepLogin, l.ends() // to log a warning at that time
	case l.notRepeatable:
		return stepWait, time.Time{}
	}
	return stepLogin, retry
}

// wait returns when the step is due, the lease changed, or the session is closed.
func (r *renewer) wait(what step, at time.Time) (due, over bool) {
	var alarm <-chan time.Time
	if what != stepWait {
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

// pause returns the wait after the failures so far.
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
	var response *api.Secret
	err := r.session.attempt(ctx, r.held, func(ctx context.Context, c *api.Client) (err error) {
		response, err = c.Auth().Token().RenewSelfWithContext(ctx, 0)
		return err
	})
	if err == nil && (response == nil || response.Auth == nil) {
		err = vaulterr.Invalid("the response to the renewal has no token")
	}
	r.session.observe(event.Renewal, since, vaulterr.WithOp("renew", "", err))
	if err != nil {
		r.renewalFailed(err)
		return
	}
	r.state.since = since
	// Vault rounds down, so 0 means less than a second, not a token without an end.
	r.state.granted = max(time.Duration(response.Auth.LeaseDuration)*time.Second, 1)
	r.state.longest = max(r.state.longest, r.state.granted)
	r.state.renewable = response.Auth.Renewable
	r.state.failures = 0
	r.session.recordRenewal(r.held, r.state.ends())
	r.session.log.Debug("vault token renewed", "accessor", r.held.accessor, "ttl", r.state.granted)
}

// renewalFailed retries if Vault is unavailable. Otherwise the next step is a login.
func (r *renewer) renewalFailed(err error) {
	if r.session.ctx.Err() != nil {
		return
	}
	r.session.log.Warn("failed to renew the vault token", "accessor", r.held.accessor, "error", vaulterr.WithOp("renew", "", err))
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

// warn logs that a token cannot be replaced: once when renewals no longer help, and once
// when it has ended.
func (r *renewer) warn() {
	ends := r.state.ends()
	switch over := !time.Now().Before(ends); {
	case over && r.warned < 2:
		r.warned = 2
		r.session.log.Warn("vault token has ended; all requests fail until you replace it",
			"method", r.session.config.Login, "accessor", r.held.accessor, "ended", ends)
	case !over && r.warned < 1:
		r.warned = 1
		r.session.log.Warn("vault token can no longer be renewed; replace it before it ends",
			"method", r.session.config.Login, "accessor", r.held.accessor, "ends", ends)
	}
}

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
type tenure struct {
	granted   time.Duration // the TTL granted last; 0: no end, or none known
	longest   time.Duration // the longest TTL granted so far
	since     time.Time     // when the last grant was asked for
	renewable bool          // and worth renewing still
	limited   bool          // each renewal uses the token up, a login can wait
	final     bool          // no login can give another token
	failures  int           // of the present step, in a row
}

func tenureOf(held *lease, by Method) tenure {
	return tenure{
		granted:   held.ttl,
		longest:   held.ttl,
		since:     held.since,
		renewable: held.renewable,
		// A spent token is found out by the request it fails, which logs in.
		limited: held.limited && held.obtained,
		final:   !by.repeatable(),
	}
}

// next decides what to do and when. jitter in [0,1) spreads the sessions that
// started together; pause is how long to wait after a failure.
func (t tenure) next(now time.Time, jitter float64, pause time.Duration) (step, time.Time) {
	point, retry := t.at(0.6+0.13*jitter), now.Add(pause) // around 2/3
	switch {
	case t.granted <= 0, t.limited:
		return stepRest, time.Time{}
	case t.renews() && t.failures == 0:
		return stepRenew, point
	case t.renews() && retry.Before(t.at(0.9)): // later, leave the rest to the login
		return stepRenew, retry
	case t.renews():
		return stepLogin, now
	case t.failures == 0:
		return stepLogin, point
	case now.Before(t.ends()) && (t.final || retry.After(t.ends())):
		return stepLogin, t.ends() // not to miss the moment worth a warning
	case t.final:
		return stepRest, time.Time{}
	}
	return stepLogin, retry
}

// renews says whether renewing is worth it. A shrunken grant means that the
// maximum TTL is near; one second is the rounding of Vault's answers.
func (t tenure) renews() bool {
	return t.renewable && t.granted >= t.longest-time.Second && t.granted > t.longest/2
}

func (t tenure) at(share float64) time.Time {
	return t.since.Add(time.Duration(share * float64(t.granted)))
}

func (t tenure) ends() time.Time { return t.at(1) }

// known is ends, or zero for a token without one.
func (t tenure) known() time.Time {
	if t.granted <= 0 {
		return time.Time{}
	}
	return t.ends()
}

// keeper keeps the session's token alive, in one goroutine.
type keeper struct {
	s      *Session
	held   *lease
	known  tenure
	warned int // warnings given about the end of this token
}

func newKeeper(s *Session, held *lease) *keeper {
	k := &keeper{s: s}
	k.adopt(held)
	return k
}

// adopt turns to another lease. The present one keeps its history.
func (k *keeper) adopt(held *lease) {
	if k.held == held {
		return
	}
	k.held, k.known, k.warned = held, tenureOf(held, k.s.config.Login), 0
}

func (k *keeper) run() {
	for {
		what, at := k.known.next(time.Now(), rand.Float64(), k.pause())
		switch due, over := k.wait(what, at); {
		case over:
			return
		case !due:
			k.adopt(k.s.present())
		case what == stepRenew:
			k.renew()
		case what == stepLogin:
			k.relogin()
		}
	}
}

// wait ends when the step is due, the lease changed, or the session is over.
func (k *keeper) wait(what step, at time.Time) (due, over bool) {
	var alarm <-chan time.Time
	if what != stepRest {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-k.s.life.Done():
		return false, true
	case <-k.s.changed:
		return false, false
	case <-alarm:
		return true, false
	}
}

// pause is the wait after the failures so far.
func (k *keeper) pause() time.Duration {
	switch {
	case k.known.failures == 0:
		return 0
	case k.known.renews():
		return k.s.config.Backoff.Delay(k.known.failures)
	}
	return max(k.s.untilAllowed(), coolDown.Delay(k.known.failures))
}

func (k *keeper) renew() {
	since := time.Now()
	ctx, cancel := context.WithDeadlineCause(k.s.life, k.known.ends(), Overdue)
	defer cancel()
	var answer *api.Secret
	err := k.s.attempt(ctx, k.held, func(ctx context.Context, c *api.Client) (err error) {
		answer, err = c.Auth().Token().RenewSelfWithContext(ctx, 0)
		return err
	})
	if err == nil && (answer == nil || answer.Auth == nil) {
		err = vaulterr.Invalid("the answer to the renewal holds no token")
	}
	k.s.observe(event.Renewal, since, vaulterr.In("renew", "", err))
	if err != nil {
		k.renewalFailed(err)
		return
	}
	k.known.since = since
	// Vault rounds down: 0 is the last second, which is not "no end".
	k.known.granted = max(time.Duration(answer.Auth.LeaseDuration)*time.Second, 1)
	k.known.longest = max(k.known.longest, k.known.granted)
	k.known.renewable = answer.Auth.Renewable
	k.known.failures = 0
	k.s.extended(k.held, k.known.ends())
	k.s.log.Debug("vault token renewed", "accessor", k.held.accessor, "ttl", k.known.granted)
}

// renewalFailed tries again what may pass, and else turns to logging in.
func (k *keeper) renewalFailed(err error) {
	if k.s.life.Err() != nil {
		return
	}
	k.s.log.Warn("vault token could not be renewed", "accessor", k.held.accessor, "error", vaulterr.In("renew", "", err))
	if errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable) {
		k.known.failures++
		return
	}
	k.known.renewable, k.known.failures = false, 0
	if vaulterr.InvalidToken(err) {
		k.s.lose(k.held)
		k.relogin()
	}
}

func (k *keeper) relogin() {
	held, err := k.s.relogin(k.s.life, k.held)
	if err == nil {
		k.adopt(held)
		return
	}
	if k.s.life.Err() != nil {
		return
	}
	k.known.renewable = false
	k.known.failures++
	if !k.held.obtained {
		k.warn()
	}
}

// warn says twice that a bare token ends: when there is nothing left to do for
// it, and when it has ended.
func (k *keeper) warn() {
	ends := k.known.ends()
	switch over := !time.Now().Before(ends); {
	case over && k.warned < 2:
		k.warned = 2
		k.s.log.Warn("vault token has ended; every request will fail until there is a new one",
			"method", k.s.config.Login, "accessor", k.held.accessor, "ended", ends)
	case !over && k.warned < 1:
		k.warned = 1
		k.s.log.Warn("vault token cannot be renewed any further; replace it before it ends",
			"method", k.s.config.Login, "accessor", k.held.accessor, "ends", ends)
	}
}

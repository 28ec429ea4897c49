package session

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

const (
	// strangerToken is a token that no server knows.
	strangerToken = "vaultkit-asks-what-an-unknown-token-is-told"

	// textKept is how long the server is believed to go on saying the same of a token
	// that it does not know: it may be upgraded.
	textKept = 10 * time.Minute

	// A denial that a living token got is remembered for denialKept if the token may
	// look itself up, which is cheap to ask for again; otherwise longer, since only a
	// login tells.
	denialKept     = 30 * time.Second
	denialKeptLong = 10 * time.Minute

	// refusalKept is how long no other login is tried for a token that may be living,
	// once one was refused: refused logins can lock a role out.
	refusalKept = 2 * time.Minute

	// maxDenials bounds how many denied requests are remembered.
	maxDenials = 1000

	// questionTimeout bounds a question about a token, which callers wait for.
	questionTimeout = 3 * time.Second
)

// denials tells a token that has ended from a right that is missing.
//
// Vault says "invalid token" of the first, and nothing here matters. OpenBao since 2.6
// says the same of both. Which server this is, it tells when it is asked with a token
// that it cannot know. If a denial says just what that token was told, the session's
// token is asked about itself: lookup-self is refused to a token that has ended. It is
// also refused to one that may not look itself up; then only a login tells.
type denials struct {
	mu sync.Mutex

	asking     chan struct{} // the question with an unknown token, under way
	text       string        // what an unknown token is told, if that is not "invalid token"
	hidden     bool          // something in between answers unknown tokens, so that any denial may be the token's end
	askAgain   time.Time     // no question with an unknown token before
	unanswered int           // those questions in a row that had no answer

	known    map[string]time.Time // requests that a living token was denied, and until when that is believed
	pending  *question
	asked    int       // questions about a token in a row that did not help
	allowed  time.Time // no question about a token before
	canLook  *lease    // it has looked itself up
	refused  *lease    // its lookup-self was refused, and nothing was served with it since
	hopeless time.Time // no login for a token that may be living before: one was refused
}

// question is asked once for all callers whose requests were denied.
type question struct {
	held  *lease
	done  chan struct{}
	alive bool // the answer
}

// mayHaveEnded reports whether err is a denial that the end of the token may explain:
// then it is worth a login. ctx bounds the wait for an answer; the question goes on for
// the other callers.
func (s *Session) mayHaveEnded(ctx context.Context, held *lease, err error) bool {
	request, text, denied := vaulterr.Denied(err)
	if !denied || !s.ambiguous(ctx, text) {
		return false
	}
	if s.present() != held {
		return true // somebody has logged in meanwhile
	}
	pending, ended := s.denials.decide(request, held, s.config.Login.repeatable(), s.askAbout)
	if pending == nil {
		return ended
	}
	select {
	case <-pending.done:
	case <-ctx.Done():
		return false
	}
	return s.denials.settle(request, pending, s.config.Login.repeatable())
}

// ambiguous reports that the server says this of a token that it does not know, too.
// It asks the server if it has not lately, once for all callers.
func (s *Session) ambiguous(ctx context.Context, text string) bool {
	d := &s.denials
	if asking := d.stranger(s.askAsStranger); asking != nil {
		select {
		case <-asking:
		case <-ctx.Done():
			return false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hidden || text == d.text
}

// stranger is the question with an unknown token to wait for, nil if its answer is known.
func (d *denials) stranger(ask func(done chan struct{})) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking == nil && !time.Now().Before(d.askAgain) {
		d.asking = make(chan struct{})
		ask(d.asking)
	}
	return d.asking
}

// askAsStranger asks the server with a token that it does not know.
func (s *Session) askAsStranger(done chan struct{}) {
	s.attempts.Go(func() {
		defer close(done)
		s.denials.told(s.lookUp(s.wire.as(strangerToken)))
	})
}

// told notes what an unknown token was told.
func (d *denials) told(err error) {
	_, text, denied := vaulterr.Denied(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asking = nil
	if errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable) {
		d.unanswered++ // what was known stays
		d.askAgain = time.Now().Add(coolDown.Delay(d.unanswered))
		return
	}
	d.text, d.unanswered, d.askAgain = text, 0, time.Now().Add(textKept)
	// An agent that sends its own token instead answers with a success.
	d.hidden = err != nil && !denied && !vaulterr.InvalidToken(err)
}

func (s *Session) lookUp(client *api.Client) error {
	ctx, cancel := context.WithTimeout(s.life, questionTimeout)
	defer cancel()
	return s.wire.once(ctx, func(ctx context.Context) error {
		_, err := client.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
}

// decide returns the question to wait for, or nil and the answer.
func (d *denials) decide(request string, held *lease, repeatable bool, ask func(*question)) (pending *question, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	switch {
	case d.sure(held):
		return nil, true
	case now.Before(d.known[request]): // a living token was denied it
		return nil, false
	case d.refused == held:
		return nil, d.worthALogin(repeatable, now)
	case d.pending != nil && d.pending.held == held:
		return d.pending, false
	case now.Before(d.allowed):
		return nil, false
	}
	d.pause(held, now)
	if held.limited { // the question would cost one of its uses
		return nil, d.worthALogin(repeatable, now)
	}
	d.pending = &question{held: held, done: make(chan struct{})}
	ask(d.pending)
	return d.pending, false
}

// sure reports that the token has ended: it could look itself up, and no longer can. So
// has one that was made elsewhere, and that nothing was ever served with.
func (d *denials) sure(held *lease) bool {
	return d.refused == held && (d.canLook == held || !held.obtained && !held.served.Load())
}

// pause spaces the questions: more and more where they may cost a login. After a quiet
// time they begin anew.
func (d *denials) pause(held *lease, now time.Time) {
	if d.canLook == held || now.Sub(d.allowed) > coolDown.Max {
		d.asked = 0
	}
	d.asked++
	d.allowed = now.Add(coolDown.Delay(d.asked))
}

// askAbout asks lookup-self with the lease's token. The question belongs to the session,
// not to the caller that happened to start it, whose own attempt is counted.
func (s *Session) askAbout(q *question) {
	s.attempts.Go(func() {
		defer close(q.done)
		s.denials.answered(q, s.lookUp(q.held.client))
	})
}

func (d *denials) answered(q *question, err error) {
	_, _, denied := vaulterr.Denied(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == q {
		d.pending = nil
	}
	switch {
	case err == nil:
		q.alive, d.canLook = true, q.held
	case denied:
		d.refused = q.held
	}
}

// settle is the answer for one of the requests that waited for it.
func (d *denials) settle(request string, q *question, repeatable bool) (ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.alive {
		d.remember(request, denialKept)
	}
	return d.sure(q.held) || d.refused == q.held && d.worthALogin(repeatable, time.Now())
}

// worthALogin reports that a login may tell whether the token has ended.
func (d *denials) worthALogin(repeatable bool, now time.Time) bool {
	return repeatable && !now.Before(d.hopeless)
}

// remember notes that a living token was denied the request.
func (d *denials) remember(request string, kept time.Duration) {
	if d.known == nil || len(d.known) >= maxDenials {
		d.known = map[string]time.Time{}
	}
	d.known[request] = time.Now().Add(kept)
}

// served notes a request that was not denied: what was remembered of it is no longer
// true, and the token is living.
func (d *denials) served(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) > 0 {
		delete(d.known, r.Method+" "+r.URL.String())
	}
	if d.refused != nil && d.refused.client.Token() == r.Header.Get(api.AuthHeaderName) {
		d.refused, d.canLook = nil, nil // it may not look itself up, now
	}
}

// revive logs in after a denial that the end of the token may explain, and sends the
// request again: Vault denies a request before it does anything of it. Where a login is
// refused, the denial is the answer unless the token has certainly ended.
func (s *Session) revive(ctx context.Context, seen *lease, denial error, send func(context.Context, *api.Client) error) error {
	held, err := s.relogin(ctx, seen)
	if err != nil {
		return s.withoutLogin(seen, denial, err)
	}
	err = s.attempt(ctx, held, send)
	request, _, denied := vaulterr.Denied(err)
	d := &s.denials
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case denied:
		d.remember(request, denialKeptLong)
	case !seen.young(coolDown.Max / 2): // it was the token, and not a node that lags behind
		d.asked, d.allowed = 0, time.Time{}
	}
	return err
}

// withoutLogin is what a caller is told when there is no other token.
func (s *Session) withoutLogin(seen *lease, denial, failure error) error {
	if s.denials.ended(seen, failure) {
		s.lose(seen)
		return failure
	}
	if errors.Is(vaulterr.Kind(failure), vaulterr.ErrUnavailable) {
		return failure
	}
	return denial
}

// ended reports a token that has certainly ended, when there is no other. For one that
// may be living, a login that Vault refused is not tried again for a while.
func (d *denials) ended(seen *lease, failure error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	sure := d.sure(seen)
	if !sure && answered(failure) && !errors.Is(vaulterr.Kind(failure), vaulterr.ErrUnavailable) {
		d.hopeless = time.Now().Add(refusalKept)
	}
	return sure
}

// lookedUp notes a token that has looked itself up at its login.
func (d *denials) lookedUp(held *lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.canLook = held
}

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
	unknownToken = "vaultkit-asks-what-an-unknown-token-is-told"

	// textKept is how long the server is believed to go on saying the same of a token
	// that it does not know: it may be upgraded.
	unknownTokenTTL = 10 * time.Minute

	// A denial that a living token got is remembered for denialKept if the token may
	// look itself up, which is cheap to ask for again; otherwise longer, since only a
	// login tells.
	denialTTL           = 30 * time.Second
	denialTTLAfterLogin = 10 * time.Minute

	// refusalKept is how long no other login is tried for a token that may be living,
	// once one was refused: refused logins can lock a role out.
	refusedLoginPause = 2 * time.Minute

	// maxDenials bounds how many denied requests are remembered.
	maxDenials = 1000

	// questionTimeout bounds a question about a token, which callers wait for.
	lookupTimeout = 3 * time.Second
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

	unknownQuery  chan struct{} // the question with an unknown token, under way
	unknownText   string        // what an unknown token is told, if that is not "invalid token"
	intercepted   bool          // something in between answers unknown tokens, so that any denial may be the token's end
	nextQuery     time.Time     // no question with an unknown token before
	failedQueries int           // those questions in a row that had no answer

	denied       map[string]time.Time // requests that a living token was denied, and until when that is believed
	pending      *tokenLookup
	lookups      int       // questions about a token in a row that did not help
	nextLookup   time.Time // no question about a token before
	canLookUp    *lease    // it has looked itself up
	lookupDenied *lease    // its lookup-self was refused, and nothing was served with it since
	nextLogin    time.Time // no login for a token that may be living before: one was refused
}

// question is asked once for all callers whose requests were denied.
type tokenLookup struct {
	held  *lease
	done  chan struct{}
	valid bool // the answer
}

// mayHaveEnded reports whether err is a denial that the end of the token may explain:
// then it is worth a login. ctx bounds the wait for an answer; the question goes on for
// the other callers.
func (s *Session) tokenMayBeInvalid(ctx context.Context, held *lease, err error) bool {
	request, text, denied := vaulterr.Denied(err)
	if !denied || !s.ambiguous(ctx, text) {
		return false
	}
	if s.currentLease() != held {
		return true // somebody has logged in meanwhile
	}
	pending, ended := s.denials.decide(request, held, s.config.Login.repeatable(), s.startLookup)
	if pending == nil {
		return ended
	}
	select {
	case <-pending.done:
	case <-ctx.Done():
		return false
	}
	return s.denials.result(request, pending, s.config.Login.repeatable())
}

// ambiguous reports that the server says this of a token that it does not know, too.
// It asks the server if it has not lately, once for all callers.
func (s *Session) ambiguous(ctx context.Context, text string) bool {
	d := &s.denials
	if asking := d.queryUnknownToken(s.lookUpUnknownToken); asking != nil {
		select {
		case <-asking:
		case <-ctx.Done():
			return false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.intercepted || text == d.unknownText
}

// stranger is the question with an unknown token to wait for, nil if its answer is known.
func (d *denials) queryUnknownToken(ask func(done chan struct{})) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unknownQuery == nil && !time.Now().Before(d.nextQuery) {
		d.unknownQuery = make(chan struct{})
		ask(d.unknownQuery)
	}
	return d.unknownQuery
}

// askAsStranger asks the server with a token that it does not know.
func (s *Session) lookUpUnknownToken(done chan struct{}) {
	s.attempts.Go(func() {
		defer close(done)
		s.denials.recordUnknownToken(s.lookUpSelf(s.transport.clientWith(unknownToken)))
	})
}

// told notes what an unknown token was told.
func (d *denials) recordUnknownToken(err error) {
	_, text, denied := vaulterr.Denied(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unknownQuery = nil
	if errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable) {
		d.failedQueries++ // what was known stays
		d.nextQuery = time.Now().Add(loginBackoff.Delay(d.failedQueries))
		return
	}
	d.unknownText, d.failedQueries, d.nextQuery = text, 0, time.Now().Add(unknownTokenTTL)
	// An agent that sends its own token instead answers with a success.
	d.intercepted = err != nil && !denied && !vaulterr.InvalidToken(err)
}

func (s *Session) lookUpSelf(client *api.Client) error {
	ctx, cancel := context.WithTimeout(s.ctx, lookupTimeout)
	defer cancel()
	return s.transport.doOnce(ctx, func(ctx context.Context) error {
		_, err := client.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
}

// decide returns the question to wait for, or nil and the answer.
func (d *denials) decide(request string, held *lease, repeatable bool, ask func(*tokenLookup)) (pending *tokenLookup, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	switch {
	case d.isInvalid(held):
		return nil, true
	case now.Before(d.denied[request]): // a living token was denied it
		return nil, false
	case d.lookupDenied == held:
		return nil, d.loginMayHelp(repeatable, now)
	case d.pending != nil && d.pending.held == held:
		return d.pending, false
	case now.Before(d.nextLookup):
		return nil, false
	}
	d.delayNextLookup(held, now)
	if held.usesLimited { // the question would cost one of its uses
		return nil, d.loginMayHelp(repeatable, now)
	}
	d.pending = &tokenLookup{held: held, done: make(chan struct{})}
	ask(d.pending)
	return d.pending, false
}

// sure reports that the token has ended: it could look itself up, and no longer can. So
// has one that was made elsewhere, and that nothing was ever served with.
func (d *denials) isInvalid(held *lease) bool {
	return d.lookupDenied == held && (d.canLookUp == held || !held.fromLogin && !held.served.Load())
}

// pause spaces the questions: more and more where they may cost a login. After a quiet
// time they begin anew.
func (d *denials) delayNextLookup(held *lease, now time.Time) {
	if d.canLookUp == held || now.Sub(d.nextLookup) > loginBackoff.Max {
		d.lookups = 0
	}
	d.lookups++
	d.nextLookup = now.Add(loginBackoff.Delay(d.lookups))
}

// askAbout asks lookup-self with the lease's token. The question belongs to the session,
// not to the caller that happened to start it, whose own attempt is counted.
func (s *Session) startLookup(q *tokenLookup) {
	s.attempts.Go(func() {
		defer close(q.done)
		s.denials.recordLookup(q, s.lookUpSelf(q.held.client))
	})
}

func (d *denials) recordLookup(q *tokenLookup, err error) {
	_, _, denied := vaulterr.Denied(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == q {
		d.pending = nil
	}
	switch {
	case err == nil:
		q.valid, d.canLookUp = true, q.held
	case denied:
		d.lookupDenied = q.held
	}
}

// settle is the answer for one of the requests that waited for it.
func (d *denials) result(request string, q *tokenLookup, repeatable bool) (ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.valid {
		d.rememberDenial(request, denialTTL)
	}
	return d.isInvalid(q.held) || d.lookupDenied == q.held && d.loginMayHelp(repeatable, time.Now())
}

// worthALogin reports that a login may tell whether the token has ended.
func (d *denials) loginMayHelp(repeatable bool, now time.Time) bool {
	return repeatable && !now.Before(d.nextLogin)
}

// remember notes that a living token was denied the request.
func (d *denials) rememberDenial(request string, kept time.Duration) {
	if d.denied == nil || len(d.denied) >= maxDenials {
		d.denied = map[string]time.Time{}
	}
	d.denied[request] = time.Now().Add(kept)
}

// served notes a request that was not denied: what was remembered of it is no longer
// true, and the token is living.
func (d *denials) recordSuccess(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.denied) > 0 {
		delete(d.denied, r.Method+" "+r.URL.String())
	}
	if d.lookupDenied != nil && d.lookupDenied.client.Token() == r.Header.Get(api.AuthHeaderName) {
		d.lookupDenied, d.canLookUp = nil, nil // it may not look itself up, now
	}
}

// revive logs in after a denial that the end of the token may explain, and sends the
// request again: Vault denies a request before it does anything of it. Where a login is
// refused, the denial is the answer unless the token has certainly ended.
func (s *Session) reloginAfterDenial(ctx context.Context, seen *lease, denial error, send func(context.Context, *api.Client) error) error {
	held, err := s.relogin(ctx, seen)
	if err != nil {
		return s.errorWithoutLogin(seen, denial, err)
	}
	err = s.attempt(ctx, held, send)
	request, _, denied := vaulterr.Denied(err)
	d := &s.denials
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case denied:
		d.rememberDenial(request, denialTTLAfterLogin)
	case !seen.young(loginBackoff.Max / 2): // it was the token, and not a node that lags behind
		d.lookups, d.nextLookup = 0, time.Time{}
	}
	return err
}

// withoutLogin is what a caller is told when there is no other token.
func (s *Session) errorWithoutLogin(seen *lease, denial, failure error) error {
	if s.denials.recordFailedLogin(seen, failure) {
		s.markRefused(seen)
		return failure
	}
	if errors.Is(vaulterr.Kind(failure), vaulterr.ErrUnavailable) {
		return failure
	}
	return denial
}

// ended reports a token that has certainly ended, when there is no other. For one that
// may be living, a login that Vault refused is not tried again for a while.
func (d *denials) recordFailedLogin(seen *lease, failure error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	sure := d.isInvalid(seen)
	if !sure && answeredByVault(failure) && !errors.Is(vaulterr.Kind(failure), vaulterr.ErrUnavailable) {
		d.nextLogin = time.Now().Add(refusedLoginPause)
	}
	return sure
}

// lookedUp notes a token that has looked itself up at its login.
func (d *denials) recordLookedUp(held *lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.canLookUp = held
}

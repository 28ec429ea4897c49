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
	// unknownToken is a token that no server knows.
	unknownToken = "vaultkit-asks-what-an-unknown-token-is-told"

	// unknownTokenTTL limits how long the server's text for unknown tokens is kept. An
	// upgrade may change it.
	unknownTokenTTL = 10 * time.Minute

	// A denial of a valid token is remembered for denialTTL if the token may look itself
	// up, because a lookup is cheap. Otherwise it is remembered longer, because only a
	// login shows whether the token is valid.
	denialTTL           = 30 * time.Second
	denialTTLAfterLogin = 10 * time.Minute

	// refusedLoginPause is the pause after a refused login if the present token may be
	// valid. Refused logins can lock out a role.
	refusedLoginPause = 2 * time.Minute

	// maxDenials limits how many denied requests are remembered.
	maxDenials = 1000

	// lookupTimeout limits a lookup, because callers wait for it.
	lookupTimeout = 3 * time.Second
)

// denials decides whether a denied request means an invalid token or a missing right.
//
// Vault uses the text "invalid token" for the first, and denials is not needed. OpenBao
// 2.6 and later only say "permission denied", and a proxy may say the same of a missing
// right. To find out, the session sends a request with a token that no server knows. If a
// denial has the text that this request got, the session looks its own token up with
// lookup-self. Vault refuses lookup-self for an invalid token, but also for a token without
// the right to look itself up. isUnknown tells them apart. Where that fails, only a login
// shows the difference.
type denials struct {
	mu sync.Mutex

	unknownQuery  chan struct{} // closed when the running request with unknownToken ends
	unknownText   string        // the text for unknownToken, if it is not "invalid token"
	intercepted   bool          // a proxy answers for unknownToken, so any denial may mean an invalid token
	nextQuery     time.Time     // earliest time of the next request with unknownToken
	failedQueries int           // failed requests with unknownToken in a row

	denied       map[string]time.Time // requests denied to a valid token, and when to forget them
	pending      *tokenLookup
	lookups      int       // lookups in a row that did not help
	nextLookup   time.Time // earliest time of the next lookup
	canLookUp    *lease    // this token has looked itself up
	unknown      *lease    // the server does not know this token
	lookupDenied *lease    // this token's lookup-self was denied, and no request succeeded since
	nextLogin    time.Time // earliest time of the next login after a refused one
}

// tokenLookup is a lookup of a lease's token, shared by all callers whose requests were
// denied.
type tokenLookup struct {
	held  *lease
	done  chan struct{}
	valid bool // the result
}

// tokenMayBeInvalid reports whether err is a denial that an invalid token may explain. ctx
// limits only the wait; the lookup continues for the other callers.
func (s *Session) tokenMayBeInvalid(ctx context.Context, held *lease, err error) bool {
	request, text, denied := vaulterr.Denied(err)
	if !denied || !s.ambiguous(ctx, held, text) {
		return false
	}
	if s.currentLease() != held {
		return true // another caller has logged in meanwhile
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

// ambiguous reports whether the server uses this text for unknown tokens too. It asks the
// server if the last result is too old. A session without a token does not: it sends no
// token, and a proxy may replace any.
func (s *Session) ambiguous(ctx context.Context, held *lease, text string) bool {
	if held.client.Token() == "" {
		return vaulterr.IsBareDenial(text)
	}
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

// queryUnknownToken returns the running request with unknownToken, which it starts if the
// last result is too old. It returns nil if the result is known.
func (d *denials) queryUnknownToken(ask func(done chan struct{})) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unknownQuery == nil && !time.Now().Before(d.nextQuery) {
		d.unknownQuery = make(chan struct{})
		ask(d.unknownQuery)
	}
	return d.unknownQuery
}

// lookUpUnknownToken looks up a token that no server knows.
func (s *Session) lookUpUnknownToken(done chan struct{}) {
	s.attempts.Go(func() {
		defer close(done)
		s.denials.recordUnknownToken(s.lookUpSelf(s.transport.clientWith(unknownToken)))
	})
}

// recordUnknownToken records how the server answered for unknownToken.
func (d *denials) recordUnknownToken(err error) {
	_, text, denied := vaulterr.Denied(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unknownQuery = nil
	if errors.Is(vaulterr.Kind(err), vaulterr.ErrUnavailable) {
		d.failedQueries++ // keep the last result
		d.nextQuery = time.Now().Add(loginBackoff.Delay(d.failedQueries))
		return
	}
	d.unknownText, d.failedQueries, d.nextQuery = text, 0, time.Now().Add(unknownTokenTTL)
	// An agent may replace the token by its own, which leads to a success.
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

// decide returns the lookup to wait for. If none is needed, it returns nil and the result.
func (d *denials) decide(request string, held *lease, repeatable bool, ask func(*tokenLookup)) (pending *tokenLookup, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	switch {
	case d.isInvalid(held):
		return nil, true
	case now.Before(d.denied[request]): // denied to a valid token before
		return nil, false
	case d.lookupDenied == held:
		return nil, d.loginMayHelp(repeatable, now)
	case d.pending != nil && d.pending.held == held:
		return d.pending, false
	case now.Before(d.nextLookup):
		return nil, false
	}
	d.delayNextLookup(held, now)
	if held.usesLimited { // a lookup would cost one of the token's uses
		return nil, d.loginMayHelp(repeatable, now)
	}
	d.pending = &tokenLookup{held: held, done: make(chan struct{})}
	ask(d.pending)
	return d.pending, false
}

// isInvalid reports whether the token is certainly invalid. Either the server does not know it,
// or it could look itself up before and no longer can, or it is a static token that never
// worked.
func (d *denials) isInvalid(held *lease) bool {
	return d.lookupDenied == held && (d.unknown == held || d.canLookUp == held || !held.fromLogin && !held.served.Load())
}

// delayNextLookup sets the earliest time of the next lookup. The pauses grow if lookups do
// not help, because each may lead to a login. After a quiet time they start short again.
func (d *denials) delayNextLookup(held *lease, now time.Time) {
	if d.canLookUp == held || now.Sub(d.nextLookup) > loginBackoff.Max {
		d.lookups = 0
	}
	d.lookups++
	d.nextLookup = now.Add(loginBackoff.Delay(d.lookups))
}

// startLookup looks up the lease's token. The lookup uses the session's context, so that
// it outlives the caller that started it. That caller is inside Do, so s.attempts is not
// zero.
func (s *Session) startLookup(q *tokenLookup) {
	s.attempts.Go(func() {
		defer close(q.done)
		err := s.lookUpSelf(q.held.client)
		s.denials.recordLookup(q, err, s.transport.isUnknown(s.ctx, q.held.client, err))
	})
}

// recordLookup records the result of a lookup.
func (d *denials) recordLookup(q *tokenLookup, err error, unknown bool) {
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
		if unknown {
			d.unknown = q.held
		}
	}
}

// result returns whether a request that waited for the lookup is worth a login.
func (d *denials) result(request string, q *tokenLookup, repeatable bool) (ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.valid {
		d.rememberDenial(request, denialTTL)
	}
	return d.isInvalid(q.held) || d.lookupDenied == q.held && d.loginMayHelp(repeatable, time.Now())
}

// loginMayHelp reports whether a login may show that the token is invalid.
func (d *denials) loginMayHelp(repeatable bool, now time.Time) bool {
	return repeatable && !now.Before(d.nextLogin)
}

// rememberDenial notes that the request was denied to a valid token.
func (d *denials) rememberDenial(request string, kept time.Duration) {
	if d.denied == nil || len(d.denied) >= maxDenials {
		d.denied = map[string]time.Time{}
	}
	d.denied[request] = time.Now().Add(kept)
}

// recordSuccess notes a request that succeeded. The request is no longer denied, and the
// token is valid.
func (d *denials) recordSuccess(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.denied) > 0 {
		delete(d.denied, r.Method+" "+r.URL.String())
	}
	if d.lookupDenied != nil && d.lookupDenied.client.Token() == r.Header.Get(api.AuthHeaderName) {
		d.lookupDenied, d.canLookUp = nil, nil // the token has lost the right to look itself up
	}
}

// reloginAfterDenial logs in and sends a denied request again. That is safe because Vault
// denies a request before it does any of it. If the login fails, the denial is returned
// unless the token is certainly invalid.
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
	case !seen.young(loginBackoff.Max / 2): // the token was invalid, and no node was lagging
		d.lookups, d.nextLookup = 0, time.Time{}
	}
	return err
}

// errorWithoutLogin returns the error for a denied request if the login failed.
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

// recordFailedLogin records a failed login and reports whether the present token is
// certainly invalid. If the token may be valid, a refused login is not tried again for a
// while.
func (d *denials) recordFailedLogin(seen *lease, failure error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	sure := d.isInvalid(seen)
	if !sure && answeredByVault(failure) && !errors.Is(vaulterr.Kind(failure), vaulterr.ErrUnavailable) {
		d.nextLogin = time.Now().Add(refusedLoginPause)
	}
	return sure
}

// recordLookedUp notes that the token was looked up at its login.
func (d *denials) recordLookedUp(held *lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.canLookUp = held
}

// Package session keeps a program logged in to Vault. It logs in, renews the token, logs
// in again when the token ends, and repeats the request that Vault refused because of the
// token.
//
// Every request goes through [Session.Do]. If Vault does not know the token, the callers
// it refused share one login, and each request is sent once more. A denied request usually
// causes no login. Some servers use the same text for a missing right and for an invalid
// token. For those, the session first looks its token up, at most once every few seconds.
// After a failed login, no other login starts for a while; meanwhile callers get the error
// of the failed login. A login also counts as failed if Vault does not know the token it
// returned.
//
// Errors are of type *vaulterr.Error: ErrUnauthenticated if a login is refused,
// ErrWrappingToken (which is an ErrUnauthenticated) for a wrapped secret id,
// ErrUnavailable if Vault cannot be reached, ErrInvalid for unusable settings or
// credentials, ErrClosed after Close.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/vaulterr"
)

const (
	defaultRequestTimeout = 15 * time.Second
	defaultStartWait      = 10 * time.Second
	closeGrace            = 3 * time.Second // for running requests in Close
	revokeTimeout         = 2 * time.Second
)

// Config holds the settings of a session. Formatting it prints no secret.
type Config struct {
	// Client is the official client, with address, namespace and TLS set. The session
	// owns it and sets its token, retries and timeout.
	Client *api.Client
	// Login returns a token.
	Login Method
	// Logger logs logins (Info), renewals (Debug) and failures (Warn), but no secret.
	// The default, nil, logs nothing.
	Logger *slog.Logger
	// Observe, if not nil, is called after each login and renewal. It must not block.
	Observe func(event.Event)
	// RequestTimeout limits each attempt of a request. The default is 15 s.
	RequestTimeout time.Duration
	// StartWait limits how long Open retries while the server is unreachable. The
	// default is 10 s.
	StartWait time.Duration
	// WaitForVault lets Open retry until its context ends, on a sealed server too.
	WaitForVault bool
	// Backoff sets the pauses between the attempts of Open and between failed renewals.
	Backoff backoff.Backoff
}

// Session is a logged-in client. Its methods are safe for concurrent use.
type Session struct {
	label
	config    Config
	transport *transport
	log       *slog.Logger
	logins    atomic.Uint64

	ctx    context.Context // canceled by Close; the renewer and logins use it
	cancel context.CancelFunc

	attempts   sync.WaitGroup // running calls of Do, and lookups
	background sync.WaitGroup // the renewer and the running login
	closing    sync.Once
	changed    chan struct{} // signals a new lease to the renewer

	watchResults atomic.Bool // checkToken needs the outcome of requests
	denials      denials

	mu           sync.Mutex // guards the fields below; never held during a request
	closed       bool
	renewing     bool
	current      *lease
	ends         time.Time // of the token; zero: never or unknown
	pending      *pendingLogin
	failures     int // failed logins in a row
	failure      error
	nextLogin    time.Time  // earliest time of the next login
	check        tokenCheck // of the last login
	tokenMayWork bool       // failure comes from checkToken: some nodes may know the token
	tokenRefused bool       // Vault refused the token in the last request with it
}

// Open logs in. ctx limits only Open itself, not the session. Open retries while the
// server is unreachable, until StartWait or ctx ends. A sealed server, wrong credentials
// or an untrusted certificate fail at once.
func Open(ctx context.Context, config Config) (*Session, error) {
	if err := config.complete(); err != nil {
		return nil, vaulterr.WithOp("login", "", err)
	}
	s := newSession(config)
	held, err := s.start(ctx)
	if err != nil {
		s.cancel()
		s.transport.cancel()
		return nil, vaulterr.WithOp("login", "", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setLease(held)
	return s, nil
}

// Do calls send, which sends one request with the session's token. Each attempt has its
// own timeout, so send must read the whole response before it returns. send must not
// change the client. If Vault does not know the token, Do logs in and calls send once
// more. It also does so if a denial may mean that the token is invalid. Do returns send's
// error unchanged. It returns ErrClosed after Close, and ErrUnauthenticated or
// ErrUnavailable if the login failed.
func (s *Session) Do(ctx context.Context, send func(ctx context.Context, c *api.Client) error) error {
	held, err := s.begin()
	if err != nil {
		return err
	}
	defer s.attempts.Done()
	err = s.attempt(ctx, held, send)
	switch {
	case vaulterr.InvalidToken(err):
		s.markRefused(held)
	case s.tokenMayBeInvalid(ctx, held, err):
		return s.reloginAfterDenial(ctx, held, err, send)
	default:
		return err
	}
	if held, err = s.relogin(ctx, held); err != nil {
		return err
	}
	return s.attempt(ctx, held, send)
}

// Client returns the official client, for requests that vaultkit has no method for. Its
// token is replaced at each login. Nothing else that Do does applies to it.
func (s *Session) Client() *api.Client { return s.config.Client }

// Logins returns how many tokens the session has had.
func (s *Session) Logins() uint64 { return s.logins.Load() }

// Close refuses new calls and stops the renewer and any login. It waits up to 3 s for
// running requests, then cancels them. If the session got its token by logging in, Close
// revokes it, which takes up to 2 s. It leaves other tokens alone. Close may be called
// more than once, but not from within Do.
func (s *Session) Close() error {
	s.closing.Do(s.close)
	return nil
}

// Closed reports whether Close was called.
func (s *Session) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Session) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	late := time.AfterFunc(closeGrace, s.transport.cancel)
	defer late.Stop()
	s.background.Wait()
	s.attempts.Wait()
	s.revoke(s.currentLease())
	s.transport.cancel() // no request is running
	s.config.Client.ClearToken()
}

// revoke revokes the token of a login. Its failure is only logged, because the token ends
// with its TTL anyway. Batch tokens cannot be revoked.
func (s *Session) revoke(held *lease) {
	if !held.fromLogin || held.batch {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	err := held.client.Auth().Token().RevokeSelfWithContext(ctx, "")
	switch {
	case err == nil:
		s.log.Debug("vault token revoked", "accessor", held.accessor)
	case !s.transport.isUnknown(ctx, held.client, err): // an invalid token needs no revocation
		s.log.Warn("failed to revoke the vault token", "accessor", held.accessor, "error", vaulterr.WithOp("revoke", "", err))
	}
}

func (s *Session) begin() (*lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &vaulterr.Error{Kind: vaulterr.ErrClosed}
	}
	s.attempts.Add(1)
	return s.current, nil
}

func (s *Session) attempt(ctx context.Context, held *lease, send func(context.Context, *api.Client) error) error {
	err := s.transport.doOnce(ctx, func(ctx context.Context) error { return send(ctx, held.client) })
	if err == nil {
		held.served.Store(true)
	}
	if s.watchResults.Load() {
		s.checkToken(held, err)
	}
	return err
}

// complete checks the settings and sets the defaults.
func (c *Config) complete() error {
	switch {
	case c.Client == nil:
		return vaulterr.Invalid("no client given")
	case c.Login == nil:
		return vaulterr.Invalid("no login method given")
	case c.RequestTimeout < 0, c.StartWait < 0:
		return vaulterr.Invalid("timeouts must not be negative")
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = defaultRequestTimeout
	}
	if c.StartWait == 0 {
		c.StartWait = defaultStartWait
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(event.Event) {}
	}
	return c.Login.check()
}

func newSession(config Config) *Session {
	// The client's own retries would send a write or an unwrap twice.
	config.Client.SetMaxRetries(0)
	config.Client.SetClientTimeout(0)
	s := &Session{
		label:   label(config.String()),
		config:  config,
		log:     config.Logger,
		changed: make(chan struct{}, 1),
	}
	s.transport = newTransport(config.Client, config.RequestTimeout, s.denials.recordSuccess)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// start logs in for the first time. It retries while the server is unreachable.
func (s *Session) start(ctx context.Context) (*lease, error) {
	if !s.config.WaitForVault {
		bounded, cancel := context.WithTimeout(ctx, s.config.StartWait)
		defer cancel()
		ctx = bounded
	}
	var last error
	for failed := 1; ; failed++ {
		began := time.Now()
		held, err := s.config.Login.login(ctx, s.transport, nil)
		s.observe(event.Login, began, vaulterr.WithOp("login", "", err))
		if err == nil {
			s.logLogin(false, held)
			return held, nil
		}
		if last != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			return nil, last // says more than that there was no time for another attempt
		}
		if !s.mayRecover(err) || s.config.Backoff.Wait(ctx, failed) != nil {
			return nil, err
		}
		last = err
		s.log.Warn("vault is unavailable, retrying the login", "error", err)
	}
}

// mayRecover reports whether a later login may succeed where this one failed.
func (s *Session) mayRecover(err error) bool {
	if s.config.WaitForVault && errors.Is(err, vaulterr.ErrSealed) {
		return true
	}
	return errors.Is(err, vaulterr.ErrUnavailable) && vaulterr.Retryable(err)
}

// observe reports an event. It leaves out failures that are caused by Close.
func (s *Session) observe(what event.Kind, began time.Time, err error) {
	if err == nil || s.ctx.Err() == nil {
		s.config.Observe(event.Event{Kind: what, Took: time.Since(began), Err: err})
	}
}

func (s *Session) logLogin(again bool, held *lease) {
	s.log.Info("logged in to vault", "again", again, "method", s.config.Login,
		"accessor", held.accessor, "ttl", held.ttl, "policies", held.policies)
}

// String returns the address and the login method.
func (c Config) String() string {
	if c.Client == nil || c.Login == nil {
		return "incomplete session settings"
	}
	address, err := url.Parse(c.Client.Address())
	if err != nil {
		return "session with " + c.Login.String()
	}
	return fmt.Sprintf("session at %s with %s", address.Redacted(), c.Login)
}

// Format prints the same as String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns the same as String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns the same as String.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// currentLease returns the lease in use.
func (s *Session) currentLease() *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

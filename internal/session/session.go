// Package session keeps a program logged in to Vault: it logs in, keeps the
// token alive, logs in again when that ends for whatever reason, and replays
// the one request that found out.
//
// Every request goes through [Session.Do]. A request that Vault refuses because
// it does not know the token causes one login, shared by all callers that were
// refused, and one replay. A denial causes neither, once it is known to be one:
// some servers say the same of a token that has ended, so that the token is asked
// about itself first, at most once in some seconds. After a failed login
// the next is allowed only after a pause, within which callers get the failure
// at once. A login whose token Vault does not know either has failed, too.
//
// Errors are *vaulterr.Error: ErrUnauthenticated when a login is refused (and
// ErrWrappingToken, which is one, for a wrapped secret id), ErrUnavailable when
// Vault cannot be reached, ErrInvalid for unusable settings or credentials,
// ErrClosed after Close.
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
	closeGrace            = 3 * time.Second // for requests under way when the session is closed
	revokeTimeout         = 2 * time.Second
)

// Config is what a session is made of. It prints without a secret.
type Config struct {
	// Client is the session's own from now on, with address, namespace and TLS
	// set. Its token, retries and timeout are the session's to set.
	Client *api.Client
	// Login is how to get a token.
	Login Method
	// Logger gets logins (Info), renewals (Debug) and failures (Warn), never a
	// secret. Nil is silent.
	Logger *slog.Logger
	// Observe, if not nil, hears of logins and renewals. It must not block.
	Observe func(event.Event)
	// RequestTimeout bounds one attempt. 0 is 15 s.
	RequestTimeout time.Duration
	// StartWait is how long Open rides out an unreachable server, unless its
	// context ends earlier. 0 is 10 s.
	StartWait time.Duration
	// Patient has Open ride out a sealed server too, for as long as its context
	// lives.
	WaitForVault bool
	// Backoff paces Open's attempts and a failing renewal's.
	Backoff backoff.Backoff
}

// Session is a logged-in client. Its methods may be called concurrently.
type Session struct {
	label
	config    Config
	transport *transport
	log       *slog.Logger

	ctx    context.Context // ends with Close: the keeper and logins run under it
	cancel context.CancelFunc

	attempts   sync.WaitGroup // calls of Do in flight
	background sync.WaitGroup // the keeper and the login in flight
	closing    sync.Once
	changed    chan struct{} // tells the keeper of a new lease

	watchResults atomic.Bool // the token is on trial or lost: how a request ends matters
	denials      denials

	mu           sync.Mutex // guards what follows; never held across a request
	closed       bool
	renewing     bool
	current      *lease
	ends         time.Time // the token, as far as is known; zero: never
	pending      *pendingLogin
	failures     int // logins failed in a row
	failure      error
	nextLogin    time.Time  // no login before
	check        tokenCheck // of the last login
	tokenMayWork bool       // the failure is a trial's: the token may be good
	tokenRefused bool       // Vault has refused the token, and has served nothing with it since
}

// Open logs in. ctx bounds the start only. An unreachable server is tried again
// until StartWait or ctx ends; a sealed one, wrong credentials or an untrusted
// certificate are an error at once.
func Open(ctx context.Context, config Config) (*Session, error) {
	if err := config.complete(); err != nil {
		return nil, vaulterr.In("login", "", err)
	}
	s := newSession(config)
	held, err := s.start(ctx)
	if err != nil {
		s.cancel()
		s.transport.cancel()
		return nil, vaulterr.In("login", "", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setLease(held)
	return s, nil
}

// Do runs send, whose request carries the session's token. Each attempt has its
// own bound: send must have read the whole answer when it returns. The client
// is a snapshot to be used and not changed. When Vault does not know the token,
// or a denial may hide that, Do logs in again and runs send once more; send's own
// error is returned as it is. ErrClosed after Close; ErrUnauthenticated or ErrUnavailable when the
// login failed.
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

// Client is the official client, for what this package does not do. Its token
// follows every login; nothing else of Do applies to it.
func (s *Session) Client() *api.Client { return s.config.Client }

// Close refuses new calls, stops the keeper and any login, waits up to 3 s for the
// requests in flight, which end then, and revokes the token if the session got it by
// logging in, for which it waits up to 2 s; a token made elsewhere is left alone. It may
// be called again, but not from within Do.
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
	s.transport.cancel() // nothing is under way
	s.config.Client.ClearToken()
}

// revoke is best effort: a token that outlives its session ends with its TTL. Vault cannot
// revoke a batch token.
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
	case !vaulterr.InvalidToken(err): // else it is gone already
		s.log.Warn("vault token could not be revoked", "accessor", held.accessor, "error", vaulterr.In("revoke", "", err))
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

// complete checks the settings and fills in the defaults.
func (c *Config) complete() error {
	switch {
	case c.Client == nil:
		return vaulterr.Invalid("no client given")
	case c.Login == nil:
		return vaulterr.Invalid("no login method given")
	case c.RequestTimeout < 0, c.StartWait < 0:
		return vaulterr.Invalid("a negative timeout")
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
	// Blind retries would send a write or an unwrapping twice.
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

// start logs in for the first time, riding out an unreachable server.
func (s *Session) start(ctx context.Context) (*lease, error) {
	if !s.config.WaitForVault {
		bounded, cancel := context.WithTimeout(ctx, s.config.StartWait)
		defer cancel()
		ctx = bounded
	}
	for failed := 1; ; failed++ {
		began := time.Now()
		held, err := s.config.Login.login(ctx, s.transport, nil)
		s.observe(event.Login, began, vaulterr.In("login", "", err))
		if err == nil {
			s.logLogin(false, held)
			return held, nil
		}
		if !s.mayRecover(err) || s.config.Backoff.Wait(ctx, failed) != nil {
			return nil, err
		}
		s.log.Warn("vault is unavailable, trying again", "error", err)
	}
}

// worthWaiting reports a failed login that time may mend.
func (s *Session) mayRecover(err error) bool {
	if s.config.WaitForVault && errors.Is(err, vaulterr.ErrSealed) {
		return true
	}
	return errors.Is(err, vaulterr.ErrUnavailable) && vaulterr.Retryable(err)
}

// observe tells of what happened. What only the session's end cut short did not.
func (s *Session) observe(what event.Kind, began time.Time, err error) {
	if err == nil || s.ctx.Err() == nil {
		s.config.Observe(event.Event{Kind: what, Took: time.Since(began), Err: err})
	}
}

func (s *Session) logLogin(again bool, held *lease) {
	s.log.Info("logged in to vault", "again", again, "method", s.config.Login, "accessor", held.accessor, "ttl", held.ttl, "policies", held.policies)
}

// String says where the session is logged in and how.
func (c Config) String() string {
	if c.Client == nil || c.Login == nil {
		return "incomplete session settings"
	}
	address, err := url.Parse(c.Client.Address())
	if err != nil {
		return "session by " + c.Login.String()
	}
	return fmt.Sprintf("session at %s by %s", address.Redacted(), c.Login)
}

// Format prints what String says, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is what String says.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is what String says.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

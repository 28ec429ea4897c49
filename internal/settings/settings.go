// Package settings holds the settings of a client. The options of package vaultkit set them.
// Tests in this module can also set those that have no option, such as the pauses between
// retries.
package settings

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/event"
	"goblin/vaultkit/internal/apiclient"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/exchange"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// The default mount and base path.
const (
	DefaultMount = "secret"
	DefaultBase  = "goblin-assistant"
)

const (
	// RecordWait limits how long writing the record of a committed rotation takes. It applies
	// instead of the caller's context.
	RecordWait = 10 * time.Second
	// checkTimeout limits one check of Diagnose. It is short, so that Diagnose reports an
	// address that never answers within seconds.
	checkTimeout = 5 * time.Second
)

// Settings holds what the options of a client set.
type Settings struct {
	Address, Namespace, Mount, Base string

	TLS       *apiclient.TLS
	Redirects []string // hosts
	Timeouts  Timeouts
	Logger    *slog.Logger
	Wrap      func(http.RoundTripper) http.RoundTripper
	Existing  *api.Client

	Login         session.Method
	IgnoredLogins []string // their variables are set, too, and Login was used

	Caching             bool
	TTL, MaxStale, Poll time.Duration
	DeclaredProviders   []string // to keep cached
	WaitForVault        bool     // New waits for Vault until its context ends

	Observers []func(event.Event)

	MountMayBeMissing bool // New does not check the mount: vaultkit setup makes it

	Err         error  // the error of an option
	BadVariable string // the environment variable that caused it

	// Only tests set the rest.

	RefreshEvery       time.Duration            // replaces TTL and Poll, which are a second at least
	Backoff            backoff.Backoff          // the pauses between retries
	RecordWait         time.Duration            // limits how long writing the record of a committed rotation takes
	SkipOtherProviders bool                     // do not look for an unused key under other providers before it is revoked
	CheckTimeout       time.Duration            // limits each check of Diagnose
	FixFound           func(check, kind string) // if set, is called with the kind of each finding's fix
}

// Timeouts holds the fields of vaultkit.Timeouts.
type Timeouts struct{ Request, Start, Read, Write time.Duration }

// New returns the default settings.
func New() *Settings {
	return &Settings{Mount: DefaultMount, Base: DefaultBase, RecordWait: RecordWait, CheckTimeout: checkTimeout}
}

// Complete sets what follows from the options, and returns an error for invalid settings. A
// missing login is not an error here: see [Settings.CheckLogin].
func (s *Settings) Complete() error {
	s.WaitForVault = len(s.DeclaredProviders) > 0 && s.Timeouts.Start == 0
	s.Timeouts = s.Timeouts.orDefault()
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Login == nil && s.Existing != nil && s.Existing.Token() != "" {
		s.Login = session.Token(session.FromString(s.Existing.Token()))
	}
	err := cmp.Or(s.Err, kv.CheckPath("mount", s.Mount), kv.CheckPath("base path", s.Base),
		exchange.CheckHosts(s.Redirects), s.Timeouts.check(), s.checkCache())
	if s.RefreshEvery != 0 {
		s.TTL, s.Poll = s.RefreshEvery, s.RefreshEvery
	}
	return err
}

// SetLogin sets the login. ignored names the other logins whose variables are set, too.
func (s *Settings) SetLogin(login session.Method, ignored ...string) {
	s.Login, s.IgnoredLogins = login, ignored
}

// CheckLogin returns an error if no option set a login.
func (s *Settings) CheckLogin() error {
	if s.Login == nil {
		return vaulterr.Invalid("no login: give a token (VAULT_TOKEN), an AppRole, a Kubernetes role or a JWT, by variables or by options")
	}
	return nil
}

func (s *Settings) checkCache() error {
	switch {
	case s.Caching && s.TTL < time.Second, !s.Caching && s.Poll != 0 && s.Poll < time.Second:
		return vaulterr.Invalid("WithCache, WithPollInterval: less than a second")
	case s.MaxStale < 0:
		return vaulterr.Invalid("WithCache: maxStale is negative")
	case s.Caching && s.Poll != 0:
		return vaulterr.Invalid("WithPollInterval: with a cache, Watch polls within its ttl")
	case len(s.DeclaredProviders) > 0 && !s.Caching:
		return vaulterr.Invalid("WithProviders needs WithCache")
	}
	for _, provider := range s.DeclaredProviders {
		if err := kv.CheckName("provider name", provider); err != nil {
			return err
		}
	}
	return nil
}

func (t Timeouts) orDefault() Timeouts {
	return Timeouts{
		Request: cmp.Or(t.Request, 10*time.Second),
		Start:   cmp.Or(t.Start, 5*time.Second),
		Read:    cmp.Or(t.Read, 15*time.Second),
		Write:   cmp.Or(t.Write, 2*time.Minute),
	}
}

func (t Timeouts) check() error {
	if min(t.Request, t.Start, t.Read, t.Write) < 0 {
		return vaulterr.Invalid("WithTimeouts: a timeout is negative")
	}
	return nil
}

// OfficialClient returns a client of the official package with these settings and without a
// token. closeIdle closes its idle connections.
func (s *Settings) OfficialClient() (client *api.Client, closeIdle func(), err error) {
	client, closeIdle, err = apiclient.New(apiclient.Settings{Address: s.Address, Namespace: s.Namespace, TLS: s.TLS,
		Wrap: s.Wrap, Redirects: s.Redirects, Existing: s.Existing})
	return client, closeIdle, err
}

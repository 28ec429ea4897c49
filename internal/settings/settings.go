// Package settings holds what a client is made with. The options of package vaultkit
// set it. A test in this module may set the seams too, such as the pauses between
// attempts: vaultkit has no option for those.
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

// Where everything stands unless an option says otherwise.
const (
	DefaultMount = "secret"
	DefaultBase  = "goblin-assistant"
)

const (
	// RecordWait bounds the writing of the record of a rotation that is committed,
	// whatever became of the caller's context.
	RecordWait = 10 * time.Second
	// checkBound is how long one check of Diagnose may take, so that an address which
	// swallows everything is told from a slow one within seconds.
	checkTimeout = 5 * time.Second
)

// Settings is what the options of a client fill in.
type Settings struct {
	Address, Namespace, Mount, Base string

	TLS       *apiclient.TLS
	Redirects []string // hosts
	Timeouts  Timeouts
	Logger    *slog.Logger
	Wrap      func(http.RoundTripper) http.RoundTripper
	Existing  *api.Client

	Login         session.Method
	IgnoredLogins []string // have their variables too; Login won over them unasked

	Caching             bool
	TTL, MaxStale, Poll time.Duration
	Declared            []string // providers
	WaitForVault        bool     // New waits for Vault as long as its context lives

	Observers []func(event.Event)

	Err         error  // what an option found wrong
	BadVariable string // the environment variable in which it was

	// The rest are seams: only tests set them.

	Backoff         backoff.Backoff          // the pauses between attempts
	RecordWait      time.Duration            // bounds the writing of a committed rotation's record
	OnlyOwnProvider bool                     // a source's key that is taken back is not looked for under other providers
	CheckTimeout    time.Duration            // bounds each check of Diagnose
	FixFound        func(check, kind string) // if set, is told the kind of each finding's fix
}

// Timeouts are vaultkit.Timeouts.
type Timeouts struct{ Request, Start, Read, Write time.Duration }

// New returns the defaults.
func New() *Settings {
	return &Settings{Mount: DefaultMount, Base: DefaultBase, RecordWait: RecordWait, CheckTimeout: checkTimeout}
}

// Complete fills in what follows from what the options set, and reports what cannot be.
// That there is no login is not an error yet, see [Settings.CheckLogin].
func (s *Settings) Complete() error {
	s.WaitForVault = len(s.Declared) > 0 && s.Timeouts.Start == 0
	s.Timeouts = s.Timeouts.orDefault()
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Login == nil && s.Existing != nil && s.Existing.Token() != "" {
		s.Login = session.Token(session.FromString(s.Existing.Token()))
	}
	return cmp.Or(s.Err, kv.CheckPath("mount", s.Mount), kv.CheckPath("base path", s.Base),
		exchange.CheckHosts(s.Redirects), s.Timeouts.check(), s.checkCache())
}

// SetLogin sets the login, and which others it won over without being told to.
func (s *Settings) SetLogin(login session.Method, ignored ...string) {
	s.Login, s.IgnoredLogins = login, ignored
}

// CheckLogin reports that no option gave a login.
func (s *Settings) CheckLogin() error {
	if s.Login == nil {
		return vaulterr.Invalid("no login: give a token (VAULT_TOKEN), an AppRole or a Kubernetes role, by variables or by options")
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
	case len(s.Declared) > 0 && !s.Caching:
		return vaulterr.Invalid("WithProviders needs WithCache")
	}
	for _, provider := range s.Declared {
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

// OfficialClient makes the official package's client for the settings, without a token
// yet, and the function that closes its idle connections.
func (s *Settings) OfficialClient() (client *api.Client, closeIdle func(), err error) {
	client, closeIdle, err = apiclient.New(apiclient.Settings{Address: s.Address, Namespace: s.Namespace, TLS: s.TLS,
		Wrap: s.Wrap, Redirects: s.Redirects, Existing: s.Existing})
	return client, closeIdle, err
}

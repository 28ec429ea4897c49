// Package dial makes the official client that a session works with, from
// explicit settings alone: api.NewClient takes token, namespace and headers from
// the environment even when it is given a configuration.
package dial

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/correlation"
	"goblin/vaultkit/internal/vaulterr"
)

// Settings are where and how to connect.
type Settings struct {
	Address   string
	Namespace string
	TLS       *api.TLSConfig // nil: the system's CAs
	Wrap      func(http.RoundTripper) http.RoundTripper
	// Existing, if not nil, is copied and never changed; Address and Namespace
	// win over its own where they are set, and TLS is its own alone.
	Existing *api.Client
}

// idlePerHost is how many idle connections are kept to the one server there is:
// with net/http's 2, concurrent readers would dial anew all the time.
const idlePerHost = 64

// maxHeader bounds the header of an answer; net/http's own bound is 10 MB.
const maxHeader = 256 << 10

// Dial returns a client without a token, that sends each request once and sets
// no deadline: both are the callers' decisions. It connects to nothing yet.
// hangUp closes the connections it leaves idle, unless they are the existing
// client's.
//
// The client reads its own writes: it keeps the X-Vault-Index of Vault's answers and
// sends it along, upon which a performance standby that is not that far yet answers
// 412 in place of an older value. All copies of the client share it. Only Vault
// Enterprise sends that header; to others nothing changes.
func Dial(s Settings) (client *api.Client, hangUp func(), err error) {
	config, hangUp, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	if err := checkAddress(config.Address); err != nil {
		return nil, nil, err
	}
	config.MaxRetries = 0
	config.Timeout = 0
	config.Limiter = nil
	config.ReadYourWrites = true
	client, err = api.NewClient(config)
	if err != nil {
		// The address is checked; what is left is what NewClient reads by itself.
		return nil, nil, vaulterr.Invalid("the official client refuses the environment's VAULT_ variables: %v", err)
	}
	client.SetHeaders(s.headers())
	// Its default is VAULT_WRAP_TTL, which would wrap every answer.
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	client.ClearToken()
	if s.Namespace != "" {
		client.SetNamespace(s.Namespace)
	}
	return client, hangUp, nil
}

func (s Settings) config() (config *api.Config, hangUp func(), err error) {
	if s.Existing != nil {
		config, hangUp = s.Existing.CloneConfig(), func() {}
	} else {
		config = &api.Config{HttpClient: newHTTPClient()}
		// Taken now: a wrapper put around the transport need not pass it on.
		hangUp = config.HttpClient.CloseIdleConnections
	}
	if s.Address != "" {
		config.Address = s.Address
	}
	if s.TLS != nil {
		if s.Existing != nil {
			return nil, nil, vaulterr.Invalid("TLS settings do not go with an existing client, which has its own")
		}
		if err := config.ConfigureTLS(s.TLS); err != nil {
			return nil, nil, vaulterr.Invalid("TLS settings: %v", err)
		}
	}
	if s.Wrap != nil {
		wrapped := *config.HttpClient
		wrapped.Transport = s.Wrap(config.HttpClient.Transport)
		if wrapped.Transport == nil {
			return nil, nil, vaulterr.Invalid("the transport wrapper returned nil")
		}
		config.HttpClient = &wrapped
	}
	own := *config.HttpClient
	own.Transport = bodylimit.Transport(correlation.Transport(cmp.Or[http.RoundTripper](own.Transport, http.DefaultTransport)))
	config.HttpClient = &own
	return config, hangUp, nil
}

func newHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = idlePerHost
	transport.MaxResponseHeaderBytes = maxHeader
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return &http.Client{
		Transport: transport,
		// The official client follows Vault's redirects itself.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// headers are the existing client's, the namespace among them, or none but the
// one that protects against request forgery.
func (s Settings) headers() http.Header {
	if s.Existing != nil {
		return s.Existing.Headers()
	}
	return http.Header{api.RequestHeaderName: {"true"}}
}

// checkAddress refuses what cannot be a Vault server's address. It never repeats
// the address's user information, which may be a password.
func checkAddress(address string) error {
	if address == "" {
		return vaulterr.Invalid("no address: set VAULT_ADDR or give an address such as https://vault.example.com:8200")
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return vaulterr.Invalid("the address is not a URL like https://vault.example.com:8200")
	case parsed.User != nil:
		return vaulterr.Invalid("the address carries a user or password: leave them out")
	case parsed.Scheme == "unix" && parsed.Path != "":
		return nil
	case !slices.Contains([]string{"http", "https"}, parsed.Scheme) || parsed.Host == "":
		return vaulterr.Invalid("the address is not a URL like https://vault.example.com:8200")
	}
	return nil
}

// Package apiclient makes the official client that a session works with, from explicit
// settings alone, and puts the layers around its transport that every request passes.
package apiclient

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/exchange"
	"goblin/vaultkit/internal/requestid"
	"goblin/vaultkit/internal/vaulterr"
)

// Settings are where and how to connect.
type Settings struct {
	Address   string
	Namespace string
	TLS       *TLS // nil: the system's CAs
	Wrap      func(http.RoundTripper) http.RoundTripper
	// Redirects are the hosts that a redirect may lead to, besides the one that gives it.
	Redirects []string
	// Existing, if not nil, is copied and never changed; Address and Namespace
	// win over its own where they are set, and TLS is its own alone.
	Existing *api.Client
}

// Dial returns a client without a token, that sends each request once and sets
// no deadline: both are the callers' decisions. It connects to nothing yet.
// closeIdle closes the connections it leaves idle.
//
// The client reads its own writes: it keeps the X-Vault-Index of Vault's answers and
// sends it along, upon which a performance standby that is not that far yet answers
// 412 in place of an older value. All copies of the client share it. Vault
// Enterprise sends that header, and OpenBao from 2.7 on; to others nothing changes.
func New(s Settings) (client *api.Client, closeIdle func(), err error) {
	config, closeIdle, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	headers, err := s.headers()
	if err != nil {
		return nil, nil, err
	}
	if client, err = newAPIClient(config, headers); err != nil {
		return nil, nil, err
	}
	// Its default is VAULT_WRAP_TTL, which would wrap every answer.
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	client.ClearToken()
	return client, closeIdle, nil
}

func (s Settings) config() (config *api.Config, closeIdle func(), err error) {
	config = &api.Config{Address: s.Address, HttpClient: &http.Client{}, MinRetryWait: minRetryWait, MaxRetryWait: maxRetryWait}
	if s.Existing != nil {
		config = s.Existing.CloneConfig()
		config.Error = nil // what it found wrong with the environment
	}
	before := config.Address
	if s.Address != "" {
		config.Address = s.Address
	}
	if err := checkAddress(config.Address); err != nil {
		return nil, nil, err
	}
	base, closeIdle, err := s.baseTransport(config.HttpClient.Transport, before, config.Address)
	if err != nil {
		return nil, nil, err
	}
	if config.HttpClient.Transport, err = s.layers(base); err != nil {
		return nil, nil, err
	}
	config.HttpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if socketPath(config.Address) != "" {
		config.Address = "http://localhost" // what is said over the socket
	}
	config.AgentAddress = ""       // it would win over the address
	config.DisableRedirects = true // they are followed below the client
	config.MaxRetries, config.Timeout, config.Limiter, config.ReadYourWrites = 0, 0, nil, true
	return config, closeIdle, nil
}

// layers are what each request and its answer pass, from the connection upwards. Failures
// of the transport lose their texts below a wrapper of the user's, which may log them.
func (s Settings) layers(base http.RoundTripper) (http.RoundTripper, error) {
	top := exchange.Failures(base)
	if s.Wrap != nil {
		if top = s.Wrap(top); top == nil {
			return nil, vaulterr.Invalid("the transport wrapper returned nil")
		}
		top = exchange.Failures(top)
	}
	return exchange.Redirects(exchange.Echoes(bodylimit.Transport(requestid.Transport(top))), s.Redirects), nil
}

// headers are the existing client's, the namespace among them, or none but the
// one that protects against request forgery.
func (s Settings) headers() (http.Header, error) {
	headers := http.Header{api.RequestHeaderName: {"true"}}
	if s.Existing != nil {
		headers = s.Existing.Headers()
	}
	if s.Namespace != "" {
		headers.Set(api.NamespaceHeaderName, s.Namespace)
	}
	for name, values := range headers {
		for _, value := range values {
			if strings.ContainsFunc(name+value, unicode.IsControl) {
				return nil, vaulterr.Invalid("the %s has a newline or another control character in it", headerLabel(name))
			}
		}
	}
	return headers, nil
}

// what a header is. Its value is not repeated: it may be a secret.
func headerLabel(header string) string {
	if header == api.NamespaceHeaderName {
		return "namespace"
	}
	return "header " + header
}

// Package apiclient makes the official client that a session uses. It uses explicit
// settings only, and adds the layers that every request passes to the client's transport.
package apiclient

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/correlationid"
	"goblin/vaultkit/internal/exchange"
	"goblin/vaultkit/internal/vaulterr"
)

// Settings describe the server and the connection to it.
type Settings struct {
	Address   string
	Namespace string
	TLS       *TLS // default: the system's CAs
	Wrap      func(http.RoundTripper) http.RoundTripper
	// Redirects lists hosts that a redirect may lead to, besides the redirecting host.
	Redirects []string
	// Existing, if not nil, is copied and not changed. Address and Namespace override
	// its own. TLS must not be set with it.
	Existing *api.Client
}

// New returns a client without a token. The client sends each request once and sets no
// deadline; retries and deadlines are up to the callers. New does not connect. closeIdle
// closes the client's idle connections.
//
// The client reads its own writes. It keeps the X-Vault-Index header of each response and
// sends it with the next request. A performance standby that is not up to date then
// answers 412 instead of an older value. All copies of the client share the header. Vault
// Enterprise and OpenBao 2.7 and later send it; with other servers nothing changes.
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
	// The default is VAULT_WRAP_TTL, which would wrap every response.
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	client.ClearToken()
	return client, closeIdle, nil
}

func (s Settings) config() (config *api.Config, closeIdle func(), err error) {
	config = &api.Config{Address: s.Address, HttpClient: &http.Client{}, MinRetryWait: minRetryWait, MaxRetryWait: maxRetryWait}
	if s.Existing != nil {
		config = s.Existing.CloneConfig()
		config.Error = nil // an error from reading the environment
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
		config.Address = "http://localhost" // the Host header of requests over the socket
	}
	config.AgentAddress = ""       // it would override the address
	config.DisableRedirects = true // exchange.Redirects follows them
	config.MaxRetries, config.Timeout, config.Limiter, config.ReadYourWrites = 0, 0, nil, true
	return config, closeIdle, nil
}

// layers adds what each request and response pass, starting at the connection. Errors of
// the transport lose their texts below the user's wrapper, which may log them.
func (s Settings) layers(base http.RoundTripper) (http.RoundTripper, error) {
	top := exchange.Failures(base)
	if s.Wrap != nil {
		if top = s.Wrap(top); top == nil {
			return nil, vaulterr.Invalid("the transport wrapper returned nil")
		}
		top = exchange.Failures(top)
	}
	return exchange.Redirects(exchange.Echoes(bodylimit.Transport(correlationid.Transport(top))), s.Redirects), nil
}

// headers returns the existing client's headers, or only the one that protects against
// request forgery, and the namespace.
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
				return nil, vaulterr.Invalid("the %s contains a newline or another control character: remove it", headerLabel(name))
			}
		}
	}
	return headers, nil
}

// headerLabel names a header in an error. The header's value is not repeated, because it
// may be secret.
func headerLabel(header string) string {
	if header == api.NamespaceHeaderName {
		return "namespace"
	}
	return "header " + header
}

// Detach returns a copy of the client with a configuration of its own: what is set on the copy
// does not change the client. wrap adds a layer to the copy's transport. Both clients share
// their connections and the X-Vault-Index header.
func Detach(client *api.Client, wrap func(http.RoundTripper) http.RoundTripper) (*api.Client, error) {
	config := client.CloneConfig()
	config.Error = nil             // an error from reading the environment
	config.DisableRedirects = true // is not cloned
	config.HttpClient.Transport = wrap(config.HttpClient.Transport)
	detached := client.WithNamespace(client.Namespace())
	if setConfig(detached, config) {
		return detached, nil
	}
	return newAPIClient(config, client.Headers())
}

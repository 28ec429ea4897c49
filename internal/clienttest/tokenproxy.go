package clienttest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulttest"
)

// TokenProxy does what a Vault Proxy with auto_auth does: it adds its token to the requests that
// pass to the package's Vault.
type TokenProxy struct {
	// Address is its URL; Socket is that of a unix socket where it listens, too.
	Address, Socket string

	mu       sync.Mutex
	token    string
	refused  func(*TokenProxy)
	requests []*http.Request
}

// NewTokenProxy starts a proxy that adds the token. Like a Vault Proxy with use_auto_auth_token =
// "force", it replaces a token of the client.
func NewTokenProxy(t testing.TB, token string) *TokenProxy {
	t.Helper()
	target, err := url.Parse(vaulttest.Server().Addr())
	if err != nil {
		t.Fatal(err)
	}
	p := &TokenProxy{token: token}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			p.add(r)
		},
		ModifyResponse: func(response *http.Response) error { p.see(response); return nil },
		Transport:      &http.Transport{DisableKeepAlives: true},
	}
	p.Address = serve(t, httptest.NewUnstartedServer(forward))
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path) //nolint:noctx // closed by the test's end
	if err != nil {
		t.Fatal(err)
	}
	socket := httptest.NewUnstartedServer(forward)
	_ = socket.Listener.Close()
	socket.Listener = listener
	serve(t, socket)
	p.Socket = "unix://" + path
	return p
}

func serve(t testing.TB, server *httptest.Server) (address string) {
	t.Helper()
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// add adds the token.
func (p *TokenProxy) add(r *httputil.ProxyRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.In)
	r.Out.Header.Del(api.AuthHeaderName)
	if p.token != "" {
		r.Out.Header.Set(api.AuthHeaderName, p.token)
	}
}

func (p *TokenProxy) see(response *http.Response) {
	p.mu.Lock()
	refused := p.refused
	if response.StatusCode != http.StatusForbidden {
		refused = nil
	}
	p.mu.Unlock()
	if refused != nil {
		refused(p)
	}
}

// SetToken replaces the token. Empty: the proxy adds none.
func (p *TokenProxy) SetToken(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token = token
}

// OnRefusal sets a function that is called before a client gets a 403.
func (p *TokenProxy) OnRefusal(do func(*TokenProxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = do
}

// Requests returns what the clients have sent.
func (p *TokenProxy) Requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// WantNoToken fails the test if a client has sent a token, or a request that only its owner may
// send for a token.
func (p *TokenProxy) WantNoToken(t testing.TB) {
	t.Helper()
	requests := p.Requests()
	if len(requests) == 0 {
		t.Error("no request passed the proxy, want some")
	}
	for _, r := range requests {
		if tokens := r.Header.Values(api.AuthHeaderName); len(tokens) > 0 || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s has a token, want none", r.Method, r.URL.Path)
		}
		if got := r.Header.Get(api.RequestHeaderName); got != "true" {
			t.Errorf("%s %s has %s: %q, want true", r.Method, r.URL.Path, api.RequestHeaderName, got)
		}
		if slices.Contains([]string{"/v1/auth/token/renew-self", "/v1/auth/token/revoke-self"}, r.URL.Path) {
			t.Errorf("%s %s, want the token left to the proxy", r.Method, r.URL.Path)
		}
	}
}

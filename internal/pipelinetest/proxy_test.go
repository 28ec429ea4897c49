package pipelinetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// proxy is a proxy in front of the real Vault. It refuses requests that a test chooses, and
// records the tokens that jobs got for their JWTs.
type proxy struct {
	*httptest.Server
	server vaulttest.Vault
	proxy  http.Handler

	mu     sync.Mutex
	issued []string // tokens
	refuse func(*http.Request) bool
}

func newProxy(t *testing.T, server vaulttest.Vault) *proxy {
	t.Helper()
	target, err := url.Parse(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	f := &proxy{server: server}
	f.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: f.remember,
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// refusing makes the proxy answer 403 to every request for which refuse returns true.
func (f *proxy) refusing(refuse func(*http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = refuse
}

// refused calls the test's function. The lock is held, because that function may count.
func (f *proxy) refused(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refuse != nil && f.refuse(r)
}

// tokens returns the tokens that were issued for JWTs.
func (f *proxy) tokens() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.issued)
}

func (f *proxy) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	if f.refused(r) {
		respond(answer, http.StatusForbidden, map[string]any{"errors": []string{"1 error occurred:\n\t* permission denied\n\n"}})
		return
	}
	f.proxy.ServeHTTP(answer, r)
}

// remember records the token in the response to a login at a JWT auth method.
func (f *proxy) remember(answer *http.Response) error {
	path := answer.Request.URL.Path
	if answer.StatusCode != http.StatusOK || !strings.HasPrefix(path, "/v1/auth/jwt-") || !strings.HasSuffix(path, "/login") {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var login struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		}
	}
	if err := json.Unmarshal(body, &login); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued = append(f.issued, login.Auth.ClientToken)
	return nil
}

func respond(answer http.ResponseWriter, status int, body any) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	_ = json.NewEncoder(answer).Encode(body)
}

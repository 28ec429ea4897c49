package pipelinetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// proxy is a proxy in front of the real Vault. It refuses requests that a test chooses, and
// records the logins of jobs.
type proxy struct {
	*httptest.Server
	server vaulttest.Vault
	proxy  http.Handler

	mu     sync.Mutex
	logins []login // with JWTs
	refuse func(*http.Request) bool
}

// login is what a job gets for its JWT.
type login struct {
	Token    string   `json:"client_token"`
	Policies []string `json:"policies"`
	Seconds  int      `json:"lease_duration"`
	Type     string   `json:"token_type"`
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
	tokens := make([]string, len(f.logins))
	for i, one := range f.logins {
		tokens[i] = one.Token
	}
	return tokens
}

// lastLogin returns the newest login.
func (f *proxy) lastLogin(t *testing.T) login {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.logins) == 0 {
		t.Fatal("no job has logged in, want a login")
	}
	return f.logins[len(f.logins)-1]
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
	if answer.StatusCode != http.StatusOK || !isLogin(answer.Request) {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var given struct{ Auth login }
	if err := json.Unmarshal(body, &given); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, given.Auth)
	return nil
}

// isLogin reports whether a request is the login of a job, the first of each run of vaultkit.
func isLogin(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1/auth/jwt-") && strings.HasSuffix(r.URL.Path, "/login")
}

func respond(answer http.ResponseWriter, status int, body any) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	_ = json.NewEncoder(answer).Encode(body)
}

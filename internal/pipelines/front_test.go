package pipelines

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

	"goblin/vaultkit/internal/devvault"
)

// front is the real Vault, and before it what the pinned server lacks: JWT auth
// methods. It can refuse requests too.
type front struct {
	*httptest.Server
	server *devvault.Server
	proxy  http.Handler

	mu     sync.Mutex
	mounts map[string]*jwtMount
	given  []string // tokens
	refuse func(*http.Request) bool
}

func newFront(t *testing.T, server *devvault.Server) *front {
	t.Helper()
	target, err := url.Parse(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	f := &front{server: server, mounts: map[string]*jwtMount{}}
	f.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// refusing has the requests refused, 403, of which refuse says so.
func (f *front) refusing(refuse func(*http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = refuse
}

// tokens are those handed out for JWTs.
func (f *front) tokens() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.given)
}

// ServeHTTP keeps the lock: one request at a time is enough.
func (f *front) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	name, below, _ := strings.Cut(strings.TrimPrefix(path, "auth/"), "/")
	switch mount := f.mounts[name]; {
	case f.refuse != nil && f.refuse(r):
		refusal(answer, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	case path == "sys/auth" && r.Method == http.MethodGet:
		f.list(answer, r)
	case strings.HasPrefix(path, "sys/auth/") && isJWT(r):
		if f.may(answer, r, path, "sudo") {
			f.mounts[strings.TrimPrefix(path, "sys/auth/")] = newJWTMount(r.Context())
			answer.WriteHeader(http.StatusNoContent)
		}
	case mount != nil && below == "login":
		if token := mount.login(answer, r, f.server); token != "" {
			f.given = append(f.given, token)
		}
	case mount != nil:
		if f.may(answer, r, path, "update") {
			mount.configure(answer, r, below)
		}
	default:
		f.proxy.ServeHTTP(answer, r)
	}
}

// isJWT reports whether a request enables a JWT auth method.
func isJWT(r *http.Request) bool {
	body, _ := io.ReadAll(r.Body) // what is cut short is no JSON
	r.Body = io.NopCloser(bytes.NewReader(body))
	var asked struct{ Type string }
	return json.Unmarshal(body, &asked) == nil && asked.Type == "jwt"
}

// may asks the real Vault whether the request's token has the capability there.
func (f *front) may(answer http.ResponseWriter, r *http.Request, path, capability string) bool {
	var has struct{ Capabilities []string }
	_, err := call(r.Context(), f.server.Addr(), r.Header.Get("X-Vault-Token"), "sys/capabilities-self",
		map[string]any{"paths": []string{path}}, &has)
	if err == nil && (slices.Contains(has.Capabilities, "root") || slices.Contains(has.Capabilities, capability)) {
		return true
	}
	refusal(answer, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	return false
}

// list is Vault's own list of auth methods, and ours in it.
func (f *front) list(answer http.ResponseWriter, r *http.Request) {
	recorded := httptest.NewRecorder()
	f.proxy.ServeHTTP(recorded, r)
	var listed map[string]any
	if recorded.Code == http.StatusOK && json.Unmarshal(recorded.Body.Bytes(), &listed) == nil {
		for name := range f.mounts {
			listed["data"].(map[string]any)[name+"/"] = map[string]any{"type": "jwt"}
		}
		respond(answer, http.StatusOK, listed)
		return
	}
	refusal(answer, recorded.Code, "the list of auth methods")
}

func respond(answer http.ResponseWriter, status int, body any) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	_ = json.NewEncoder(answer).Encode(body)
}

// refusal is an error as Vault gives it.
func refusal(answer http.ResponseWriter, status int, text string) {
	respond(answer, status, map[string]any{"errors": []string{text}})
}

package faultproxy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"goblin/vaultkit/internal/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const answerBody = `{"data":"0123456789"}`

// testServer is the server behind the proxy. It records what it applied. These tests check
// the proxy itself, so they need no Vault.
type testServer struct {
	*httptest.Server

	mu      sync.Mutex
	applied []string
	headers []http.Header
}

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	rec := &testServer{}
	rec.Server = httptest.NewServer(rec)
	t.Cleanup(rec.Close)
	return rec
}

func (rec *testServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	rec.mu.Lock()
	rec.applied = append(rec.applied, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	rec.headers = append(rec.headers, r.Header.Clone())
	rec.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/empty"):
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/moved"):
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Server", "real")
		_, _ = io.WriteString(w, answerBody)
	}
}

func (rec *testServer) appliedRequests() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.applied)
}

// newProxy starts a proxy in front of rec. Its Close must return no error.
func newProxy(t *testing.T, rec *testServer) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.New(rec.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// clientResult is what a client got: a status and body, or an error.
type clientResult struct {
	status int
	body   string
	header http.Header
	err    error
}

func put(p *faultproxy.Proxy, path string) clientResult {
	return do(context.Background(), http.DefaultClient, http.MethodPut, p.URL()+"/v1/"+path, "v")
}

func get(p *faultproxy.Proxy, path string) clientResult {
	return do(context.Background(), http.DefaultClient, http.MethodGet, p.URL()+"/v1/"+path, "")
}

func do(ctx context.Context, client *http.Client, method, url, body string) clientResult {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return clientResult{err: err}
	}
	resp, err := client.Do(req)
	if err != nil {
		return clientResult{err: err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return clientResult{resp.StatusCode, string(got), resp.Header, err}
}

// class describes the result in one word.
func (s clientResult) class() string {
	switch {
	case s.err == nil:
		return http.StatusText(s.status)
	case isReset(s.err):
		return "reset"
	case errors.Is(s.err, syscall.ECONNREFUSED), errors.Is(s.err, syscall.Errno(10061)):
		return "refused"
	case errors.Is(s.err, io.ErrUnexpectedEOF):
		return "truncated"
	case errors.Is(s.err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(s.err, context.Canceled):
		return "canceled"
	}
	return s.err.Error()
}

// isReset also matches Windows' error number, which package syscall does not map.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.Errno(10054))
}

func wantClass(t *testing.T, got clientResult, want string) {
	t.Helper()
	if got.class() != want {
		t.Errorf("the client got %q, want %q (%v)", got.class(), want, got.err)
	}
}

func wantApplied(t *testing.T, rec *testServer, want ...string) {
	t.Helper()
	if got := rec.appliedRequests(); !slices.Equal(got, want) {
		t.Errorf("the server applied %q, want %q", got, want)
	}
}

func wantLog(t *testing.T, p *faultproxy.Proxy, want ...faultproxy.Request) {
	t.Helper()
	if got := p.Log(); !slices.Equal(got, want) {
		t.Errorf("Log = %+v, want %+v", got, want)
	}
}

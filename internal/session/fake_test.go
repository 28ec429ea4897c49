package session

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"

	"github.com/hashicorp/vault/api"
)

// fakeVault answers the requests of a token's life without a network, so that a synctest
// bubble can run hours of it. Other tests check the real Vault's answers.
type fakeVault struct {
	waitForVault bool   // Config.WaitForVault of its sessions
	downText     string // default: "no leader"
	ttl, maxTTL  time.Duration
	loginTakes   time.Duration

	mu              sync.Mutex
	latency         time.Duration // of each response
	down            bool          // every response is a 503
	lag             time.Duration // until the lagging node knows a new token
	nodes           int           // nodes that response in turn; one of them lags
	turn            int
	refuseLogins    bool
	notRenewable    bool // tokens are not renewable
	loginResponse   any  // default: a token
	sameText        bool // the text for an invalid token is "permission denied"
	distinctText    bool // with sameText: the text for a missing right is another one
	noOpenPath      bool // a proxy refuses the path that is open to every token
	noSelfLookup    bool // tokens may not look themselves up
	unknownStatus   int  // of the response to unknownToken; default: that to any invalid token
	lookupDown      bool // lookup-self is unavailable
	uses            int  // of each token; 0: no limit
	granted         bool // secret/data/denied may be read
	countUses       bool // a token without uses left is invalid
	lookups         int
	unknownLookups  int // lookups of unknownToken
	tokens          map[string]*fakeToken
	logins          int
	attempts        int // login requests
	renewals        int
	invalidRequests int // requests with an invalid token
}

type fakeToken struct {
	issued, ends time.Time
	used         int
}

func (v *fakeVault) set(change func(*fakeVault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

func (v *fakeVault) count() (logins, attempts, renewals int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.logins, v.attempts, v.renewals
}

// RoundTrip serves one request in the caller's goroutine.
func (v *fakeVault) RoundTrip(r *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if path == "auth/approle/login" && v.loginTakes > 0 {
		if err := sleep(r.Context(), v.loginTakes); err != nil {
			return nil, err
		}
	}
	v.mu.Lock()
	takes := v.latency
	v.mu.Unlock()
	if takes > 0 {
		if err := sleep(r.Context(), takes); err != nil {
			return nil, err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	status, body := v.response(path, r.Header.Get(api.AuthHeaderName))
	text, err := json.Marshal(body)
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Request: r,
		Body: io.NopCloser(bytes.NewReader(text)),
	}, err
}

func (v *fakeVault) response(path, token string) (int, any) {
	held := v.tokens[token]
	switch {
	case path == "auth/token/lookup-self" && token == unknownToken:
		v.unknownLookups++
	case path == "auth/token/lookup-self":
		v.lookups++
	}
	switch {
	case v.down:
		return http.StatusServiceUnavailable, map[string]any{"errors": []string{cmp.Or(v.downText, "no leader")}}
	case v.lookupDown && path == "auth/token/lookup-self":
		return http.StatusServiceUnavailable, map[string]any{"errors": []string{"no leader"}}
	case v.unknownStatus > 0 && token == unknownToken:
		return v.unknownStatus, map[string]any{"errors": []string{"this is no token"}, "data": map[string]any{"ttl": 60}}
	case path == openPath && v.noOpenPath:
		return http.StatusNotFound, "no page of this proxy"
	case path == "auth/approle/login":
		return v.login()
	case held == nil || !time.Now().Before(held.ends) || v.lagging(held) || v.useUp(held):
		v.invalidRequests++
		if v.sameText {
			return http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}}
		}
		return http.StatusForbidden, map[string]any{"errors": []string{"2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"}}
	case path == "auth/token/renew-self":
		return v.renew(held)
	case strings.HasPrefix(path, "secret/data/denied") && !v.granted, v.noSelfLookup && path == "auth/token/lookup-self":
		if v.sameText && !v.distinctText {
			return http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}}
		}
		return http.StatusForbidden, map[string]any{"errors": []string{"1 error occurred:\n\t* permission denied\n\n"}}
	case path == "auth/token/lookup-self":
		left := time.Until(held.ends) / time.Second
		return http.StatusOK, map[string]any{"data": map[string]any{"accessor": "acc-" + token, "ttl": left, "renewable": !v.notRenewable, "num_uses": v.uses}}
	case path == "auth/token/revoke-self":
		delete(v.tokens, token)
		return http.StatusNoContent, nil
	}
	return http.StatusOK, map[string]any{"data": map[string]any{"ok": true}}
}

// useUp counts a use and reports whether there was none left.
func (v *fakeVault) useUp(held *fakeToken) bool {
	held.used++
	return v.countUses && held.used > v.uses
}

// lagging reports whether the answering node does not know the token yet.
func (v *fakeVault) lagging(held *fakeToken) bool {
	v.turn++
	return v.turn%max(v.nodes, 1) == 0 && time.Since(held.issued) < v.lag
}

func (v *fakeVault) login() (int, any) {
	v.attempts++
	if v.refuseLogins {
		return http.StatusBadRequest, map[string]any{"errors": []string{"invalid role or secret ID"}}
	}
	if v.loginResponse != nil {
		return http.StatusOK, v.loginResponse
	}
	v.logins++
	name := fmt.Sprintf("fake-token-%d", v.logins)
	held := &fakeToken{issued: time.Now(), ends: time.Now().Add(v.ttl)}
	v.tokens[name] = held
	return http.StatusOK, v.auth(name, v.ttl)
}

func (v *fakeVault) renew(held *fakeToken) (int, any) {
	v.renewals++
	granted := min(v.ttl, time.Until(held.issued.Add(v.maxTTL)))
	held.ends = time.Now().Add(granted)
	return http.StatusOK, v.auth("", granted)
}

func (v *fakeVault) auth(token string, ttl time.Duration) any {
	return map[string]any{"auth": map[string]any{
		"client_token": token, "accessor": "acc-" + token,
		"lease_duration": int(ttl / time.Second), "renewable": !v.notRenewable, "num_uses": v.uses,
	}}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) // as net/http does
	}
}

// opened returns an open session and its log. The default login is an AppRole.
func (v *fakeVault) opened(t *testing.T, by Method) (*Session, *logbuffer.Buffer) {
	t.Helper()
	logs := &logbuffer.Buffer{}
	s, err := v.open(t, by, logs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, logs
}

func (v *fakeVault) open(t *testing.T, by Method, logs *logbuffer.Buffer) (*Session, error) {
	t.Helper()
	if v.tokens == nil {
		v.tokens = map[string]*fakeToken{}
	}
	if by == nil {
		by = AppRole("", FromString("fake-role-id"), FromString("fake-secret-id"))
	}
	config := api.DefaultConfig()
	config.Address, config.HttpClient = "http://vault.invalid", &http.Client{Transport: v}
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return Open(t.Context(), Config{Client: client, Login: by, Logger: logs.Logger(), WaitForVault: v.waitForVault})
}

func probe(_ context.Context, c *api.Client) error {
	_, err := c.Logical().ReadWithContext(context.Background(), "secret/data/probe")
	return err
}

// linesWith returns the log's lines that contain the text.
func linesWith(log *logbuffer.Buffer, with string) []string {
	var found []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	return found
}

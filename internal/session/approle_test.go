package session_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

func TestAppRole_FromEachSource(t *testing.T) {
	h := newHarness(t)
	roleID := h.role(nil)
	secretID := h.secretID()
	t.Setenv("SESSION_TEST_SECRET_ID", secretID)
	wrapped := h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil)
	for name, source := range map[string]session.Credential{
		"value":        session.FromString(secretID),
		"file":         session.FromFile(h.file(secretID + "\n")),
		"environment":  session.FromEnv("SESSION_TEST_SECRET_ID"),
		"wrapped file": session.Wrapped(session.FromFile(h.file(wrapped + "\n"))),
	} {
		t.Run(name, func(t *testing.T) {
			s := h.mustOpen(session.AppRole("/"+h.mount+"/", session.FromFile(h.file(roleID+"\n")), source))
			h.mustDo(s)
			h.revoke(s)
			h.mustDo(s) // a second login
		})
	}
}

func TestAppRole_DefaultMount(t *testing.T) {
	h := newHarness(t)
	h.refused(session.AppRole("", session.FromString("fake-role"), session.FromString("fake-id")), vaulterr.ErrUnauthenticated)
	if h.requests("auth/approle/login") == 0 {
		t.Error("the audit log has no login at auth/approle, want one")
	}
}

func TestAppRole_Refused(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	secretID := session.FromString(h.secretID())
	wrong := session.FromString(h.secret("fake-wrong-secret-id"))
	missing := session.FromFile(filepath.Join(t.TempDir(), "missing"))
	for name, test := range map[string]struct {
		by   session.Method
		kind error
	}{
		"wrong secret id":   {session.AppRole(h.mount, roleID, wrong), vaulterr.ErrUnauthenticated},
		"wrong role id":     {session.AppRole(h.mount, wrong, secretID), vaulterr.ErrUnauthenticated},
		"no such mount":     {session.AppRole("fake-mount", roleID, secretID), vaulterr.ErrUnauthenticated},
		"mount elsewhere":   {session.AppRole("../sys", roleID, secretID), vaulterr.ErrInvalid},
		"missing role id":   {session.AppRole(h.mount, missing, secretID), vaulterr.ErrInvalid},
		"missing secret id": {session.AppRole(h.mount, roleID, missing), vaulterr.ErrInvalid},
		"missing wrapped":   {session.AppRole(h.mount, roleID, session.Wrapped(missing)), vaulterr.ErrInvalid},
		"no secret id":      {session.AppRole(h.mount, roleID, session.Credential{}), vaulterr.ErrInvalid},
		"wrapped role id":   {session.AppRole(h.mount, session.Wrapped(roleID), secretID), vaulterr.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			err := h.refused(test.by, test.kind)
			if time.Since(start) > 3*time.Second {
				t.Errorf("Open = %v after %v, want at most 3s", err, time.Since(start))
			}
		})
	}
}

func TestAppRole_WrappingTokenUsedTwice(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	wrapped := session.Wrapped(session.FromString(h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil)))
	h.mustDo(h.mustOpen(session.AppRole(h.mount, roleID, wrapped)))
	h.refused(session.AppRole(h.mount, roleID, wrapped), vaulterr.ErrWrappingToken)
}

func TestAppRole_RefusesForeignWrappingTokens(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	for name, path := range map[string]string{
		"by anybody":    "sys/wrapping/wrap",
		"a login":       "auth/" + h.mount + "/login",
		"a role's name": "auth/" + h.mount + "/role/app/secret-id/lookup",
	} {
		t.Run(name, func(t *testing.T) {
			data := map[string]any{"role_id": h.role(nil), "secret_id": h.secretID()}
			wrapping := h.wrapped(path, data)
			err := h.refused(session.AppRole(h.mount, roleID, session.Wrapped(session.FromString(wrapping))), vaulterr.ErrWrappingToken)
			if !strings.Contains(err.Error(), path) {
				t.Errorf("Open = %q, want it to name %s", err, path)
			}
			if _, err := h.root.Logical().Unwrap(wrapping); err != nil {
				t.Errorf("Unwrap after Open = %v, want the token still usable", err)
			}
		})
	}
}

func TestAppRole_NewDeliveryIsUnwrapped(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	path := h.file(h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil))
	s := h.mustOpen(session.AppRole(h.mount, roleID, session.Wrapped(session.FromFile(path))))
	h.put("auth/"+h.mount+"/role/app", map[string]any{"secret_id_num_uses": 2})
	h.write(path, h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil))
	before := h.requests("sys/wrapping/unwrap")
	for range 2 {
		h.revoke(s)
		// OpenBao does not name an invalid token, and the session asks about the second one after a pause.
		h.eventually(20*time.Second, "Do succeeds with a new token", func() bool { return h.do(s) == nil })
		h.write(path, "") // as if the file was deleted after delivery
	}
	if n := h.requests("sys/wrapping/unwrap") - before; n != 1 {
		t.Errorf("%d unwrap requests, want 1, of the second delivery", n)
	}
}

// cutter drops the responses to one path after Vault sent them.
type cutter struct {
	http.RoundTripper
	path string
	mu   sync.Mutex
	cut  int
}

var errCut = errors.New("the response was lost")

// RoundTrip sends every request.
func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, c.path) {
		return response, err
	}
	_ = response.Body.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut++
	return nil, errCut
}

func TestAppRole_UnwrapIsSentOnce(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	wrapped := session.Wrapped(session.FromString(h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil)))
	config := api.DefaultConfig()
	lossy := &cutter{RoundTripper: config.HttpClient.Transport, path: "sys/wrapping/unwrap"}
	t.Cleanup(config.HttpClient.CloseIdleConnections)
	config.Address, config.HttpClient = h.server.Addr(), &http.Client{Transport: lossy}
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	by := session.AppRole(h.mount, roleID, wrapped)
	for range 2 {
		_, err := session.Open(t.Context(), session.Config{Client: client, Login: by, Logger: h.logs.Logger()})
		if h.err(err); !errors.Is(err, vaulterr.ErrWrappingToken) || !errors.Is(err, errCut) {
			t.Errorf("Open = %v, want ErrWrappingToken and the lost response", err)
		}
	}
	if lossy.cut != 1 {
		t.Errorf("%d unwrap requests, want 1", lossy.cut)
	}
}

func TestDo_TokenWithFewUses(t *testing.T) {
	for uses, logins := range map[int]int{1: 20, 3: 7} {
		h := newHarness(t)
		s := h.mustOpen(h.method(map[string]any{"token_num_uses": uses}))
		for range 20 {
			h.mustDo(s)
		}
		if n := h.logins(); n < logins || n > logins+1 {
			t.Errorf("%d logins for 20 requests with tokens of %d uses, want %d or %d", n, uses, logins, logins+1)
		}
	}
}

func TestRenewer_LeavesTokensWithFewUsesAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"token_num_uses": 3, "token_ttl": "2s"}))
	token := s.Client().Token()
	h.eventually(20*time.Second, "the token expires", func() bool { return h.lookup(token) == nil })
	if said := h.logs.String(); strings.Contains(said, "renewed") || h.logins() != 1 {
		t.Errorf("%d logins while idle, want 1; log %s, want no renewal", h.logins(), said)
	}
	h.mustDo(s)
}

func TestDo_SecretIDUsedUp(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"secret_id_num_uses": 1}))
	h.revoke(s)
	start := time.Now()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) {
				t.Errorf("Do = %v, want ErrUnauthenticated", err)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	if took > 10*time.Second {
		t.Errorf("100 failing calls took %v, want at most 10s", took)
	}
	// The pause is at least one second, so one more login happens unless the calls
	// take longer than that.
	if n := h.logins(); n < 2 || n > 2+int(took/time.Second) {
		t.Errorf("%d logins in %v, want the first and one more", n, took)
	}
}

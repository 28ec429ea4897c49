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

func TestAppRoleFromEachSource(t *testing.T) {
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

func TestAppRoleDefaultMount(t *testing.T) {
	h := newHarness(t)
	h.refused(session.AppRole("", session.FromString("fake-role"), session.FromString("fake-id")), vaulterr.ErrUnauthenticated)
	if h.requests("auth/approle/login") == 0 {
		t.Error("no login at auth/approle")
	}
}

func TestAppRoleRefused(t *testing.T) {
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
				t.Errorf("%v after %v: a refusal is not retried", err, time.Since(start))
			}
		})
	}
}

func TestWrappingTokenUsedTwice(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	wrapped := session.Wrapped(session.FromString(h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil)))
	h.mustDo(h.mustOpen(session.AppRole(h.mount, roleID, wrapped)))
	h.refused(session.AppRole(h.mount, roleID, wrapped), vaulterr.ErrWrappingToken)
}

func TestWrappingTokenMadeElsewhere(t *testing.T) {
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
				t.Errorf("%q does not say where it was made", err)
			}
			if _, err := h.root.Logical().Unwrap(wrapping); err != nil {
				t.Errorf("the wrapping token was used up: %v", err)
			}
		})
	}
}

func TestWrappedSecretIDDeliveredAgain(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	path := h.file(h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil))
	s := h.mustOpen(session.AppRole(h.mount, roleID, session.Wrapped(session.FromFile(path))))
	h.put("auth/"+h.mount+"/role/app", map[string]any{"secret_id_num_uses": 2})
	h.write(path, h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil))
	before := h.requests("sys/wrapping/unwrap")
	for range 2 {
		h.revoke(s)
		h.mustDo(s)
		h.write(path, "") // gone after its delivery
	}
	if n := h.requests("sys/wrapping/unwrap") - before; n != 1 {
		t.Errorf("%d unwrappings, want the second delivery's only", n)
	}
}

// cutter loses the answers to one path, after Vault gave them.
type cutter struct {
	http.RoundTripper
	path string
	mu   sync.Mutex
	cut  int
}

var errCut = errors.New("the answer was lost on the way")

// RoundTrip lets every request through.
func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, c.path) {
		return answer, err
	}
	_ = answer.Body.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut++
	return nil, errCut
}

func TestUnwrappingIsNeverSentTwice(t *testing.T) {
	h := newHarness(t)
	roleID := session.FromString(h.role(nil))
	wrapped := session.Wrapped(session.FromString(h.wrapped("auth/"+h.mount+"/role/app/secret-id", nil)))
	config := api.DefaultConfig()
	lossy := &cutter{RoundTripper: config.HttpClient.Transport, path: "sys/wrapping/unwrap"}
	t.Cleanup(config.HttpClient.CloseIdleConnections)
	config.Address, config.HttpClient = server.Addr(), &http.Client{Transport: lossy}
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	by := session.AppRole(h.mount, roleID, wrapped)
	for range 2 {
		_, err := session.Open(t.Context(), session.Config{Client: client, Login: by, Logger: h.logs.Logger()})
		if h.err(err); !errors.Is(err, vaulterr.ErrWrappingToken) || !errors.Is(err, errCut) {
			t.Errorf("Open = %v", err)
		}
	}
	if lossy.cut != 1 {
		t.Errorf("sent %d times", lossy.cut)
	}
}

func TestTokenWithFewUses(t *testing.T) {
	for uses, logins := range map[int]int{1: 20, 3: 7} {
		h := newHarness(t)
		s := h.mustOpen(h.method(map[string]any{"token_num_uses": uses}))
		for range 20 {
			h.mustDo(s)
		}
		if n := h.logins(); n < logins || n > logins+1 {
			t.Errorf("%d logins for 20 requests of %d uses each", n, uses)
		}
	}
}

func TestIdleTokenWithFewUsesIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"token_num_uses": 3, "token_ttl": "2s"}))
	token := s.Client().Token()
	h.eventually(20*time.Second, "the token ends", func() bool { return h.lookup(token) == nil })
	if said := h.logs.String(); strings.Contains(said, "renewed") || h.logins() != 1 {
		t.Errorf("%d logins while idle, log %s", h.logins(), said)
	}
	h.mustDo(s)
}

func TestSecretIDUsedUp(t *testing.T) {
	h := newHarness(t)
	s := h.mustOpen(h.method(map[string]any{"secret_id_num_uses": 1}))
	h.revoke(s)
	start := time.Now()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := h.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) {
				t.Errorf("Do = %v", err)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	if took > 10*time.Second {
		t.Errorf("100 failing calls took %v", took)
	}
	// The pause is a second at least: one more login, unless this machine is
	// so busy that the calls take longer than that.
	if n := h.logins(); n < 2 || n > 2+int(took/time.Second) {
		t.Errorf("%d logins in %v, want the first and one more", n, took)
	}
}

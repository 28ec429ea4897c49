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
	w := newWorld(t)
	roleID := w.role(nil)
	secretID := w.secretID()
	t.Setenv("SESSION_TEST_SECRET_ID", secretID)
	wrapped := w.wrapped("auth/"+w.mount+"/role/app/secret-id", nil)
	for name, source := range map[string]session.Credential{
		"value":        session.Value(secretID),
		"file":         session.File(w.file(secretID + "\n")),
		"environment":  session.Env("SESSION_TEST_SECRET_ID"),
		"wrapped file": session.Wrapped(session.File(w.file(wrapped + "\n"))),
	} {
		t.Run(name, func(t *testing.T) {
			s := w.mustOpen(session.AppRole("/"+w.mount+"/", session.File(w.file(roleID+"\n")), source))
			w.mustDo(s)
			w.revoke(s)
			w.mustDo(s) // a second login
		})
	}
}

func TestAppRoleDefaultMount(t *testing.T) {
	w := newWorld(t)
	w.refused(session.AppRole("", session.Value("fake-role"), session.Value("fake-id")), vaulterr.ErrUnauthenticated)
	if w.requests("auth/approle/login") == 0 {
		t.Error("no login at auth/approle")
	}
}

func TestAppRoleRefused(t *testing.T) {
	w := newWorld(t)
	roleID := session.Value(w.role(nil))
	secretID := session.Value(w.secretID())
	wrong := session.Value(w.secret("fake-wrong-secret-id"))
	missing := session.File(filepath.Join(t.TempDir(), "missing"))
	for name, test := range map[string]struct {
		by   session.Method
		kind error
	}{
		"wrong secret id":   {session.AppRole(w.mount, roleID, wrong), vaulterr.ErrUnauthenticated},
		"wrong role id":     {session.AppRole(w.mount, wrong, secretID), vaulterr.ErrUnauthenticated},
		"no such mount":     {session.AppRole("fake-mount", roleID, secretID), vaulterr.ErrUnauthenticated},
		"mount elsewhere":   {session.AppRole("../sys", roleID, secretID), vaulterr.ErrInvalid},
		"missing role id":   {session.AppRole(w.mount, missing, secretID), vaulterr.ErrInvalid},
		"missing secret id": {session.AppRole(w.mount, roleID, missing), vaulterr.ErrInvalid},
		"missing wrapped":   {session.AppRole(w.mount, roleID, session.Wrapped(missing)), vaulterr.ErrInvalid},
		"no secret id":      {session.AppRole(w.mount, roleID, session.Credential{}), vaulterr.ErrInvalid},
		"wrapped role id":   {session.AppRole(w.mount, session.Wrapped(roleID), secretID), vaulterr.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			err := w.refused(test.by, test.kind)
			if time.Since(start) > 3*time.Second {
				t.Errorf("%v after %v: a refusal is not retried", err, time.Since(start))
			}
		})
	}
}

func TestWrappingTokenUsedTwice(t *testing.T) {
	w := newWorld(t)
	roleID := session.Value(w.role(nil))
	wrapped := session.Wrapped(session.Value(w.wrapped("auth/"+w.mount+"/role/app/secret-id", nil)))
	w.mustDo(w.mustOpen(session.AppRole(w.mount, roleID, wrapped)))
	w.refused(session.AppRole(w.mount, roleID, wrapped), vaulterr.ErrWrappingToken)
}

func TestWrappingTokenMadeElsewhere(t *testing.T) {
	w := newWorld(t)
	roleID := session.Value(w.role(nil))
	for name, path := range map[string]string{
		"by anybody":    "sys/wrapping/wrap",
		"a login":       "auth/" + w.mount + "/login",
		"a role's name": "auth/" + w.mount + "/role/app/secret-id/lookup",
	} {
		t.Run(name, func(t *testing.T) {
			data := map[string]any{"role_id": w.role(nil), "secret_id": w.secretID()}
			wrapping := w.wrapped(path, data)
			err := w.refused(session.AppRole(w.mount, roleID, session.Wrapped(session.Value(wrapping))), vaulterr.ErrWrappingToken)
			if !strings.Contains(err.Error(), path) {
				t.Errorf("%q does not say where it was made", err)
			}
			if _, err := w.root.Logical().Unwrap(wrapping); err != nil {
				t.Errorf("the wrapping token was used up: %v", err)
			}
		})
	}
}

func TestWrappedSecretIDDeliveredAgain(t *testing.T) {
	w := newWorld(t)
	roleID := session.Value(w.role(nil))
	path := w.file(w.wrapped("auth/"+w.mount+"/role/app/secret-id", nil))
	s := w.mustOpen(session.AppRole(w.mount, roleID, session.Wrapped(session.File(path))))
	w.put("auth/"+w.mount+"/role/app", map[string]any{"secret_id_num_uses": 2})
	w.write(path, w.wrapped("auth/"+w.mount+"/role/app/secret-id", nil))
	before := w.requests("sys/wrapping/unwrap")
	for range 2 {
		w.revoke(s)
		w.mustDo(s)
		w.write(path, "") // gone after its delivery
	}
	if n := w.requests("sys/wrapping/unwrap") - before; n != 1 {
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
	w := newWorld(t)
	roleID := session.Value(w.role(nil))
	wrapped := session.Wrapped(session.Value(w.wrapped("auth/"+w.mount+"/role/app/secret-id", nil)))
	config := api.DefaultConfig()
	lossy := &cutter{RoundTripper: config.HttpClient.Transport, path: "sys/wrapping/unwrap"}
	t.Cleanup(config.HttpClient.CloseIdleConnections)
	config.Address, config.HttpClient = server.Addr(), &http.Client{Transport: lossy}
	client, err := api.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	by := session.AppRole(w.mount, roleID, wrapped)
	for range 2 {
		_, err := session.Open(t.Context(), session.Config{Client: client, Login: by, Logger: w.logs.Logger()})
		if w.err(err); !errors.Is(err, vaulterr.ErrWrappingToken) || !errors.Is(err, errCut) {
			t.Errorf("Open = %v", err)
		}
	}
	if lossy.cut != 1 {
		t.Errorf("sent %d times", lossy.cut)
	}
}

func TestTokenWithFewUses(t *testing.T) {
	for uses, logins := range map[int]int{1: 20, 3: 7} {
		w := newWorld(t)
		s := w.mustOpen(w.method(map[string]any{"token_num_uses": uses}))
		for range 20 {
			w.mustDo(s)
		}
		if n := w.logins(); n < logins || n > logins+1 {
			t.Errorf("%d logins for 20 requests of %d uses each", n, uses)
		}
	}
}

func TestIdleTokenWithFewUsesIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.mustOpen(w.method(map[string]any{"token_num_uses": 3, "token_ttl": "2s"}))
	token := s.Client().Token()
	w.eventually(20*time.Second, "the token ends", func() bool { return w.lookup(token) == nil })
	if said := w.logs.String(); strings.Contains(said, "renewed") || w.logins() != 1 {
		t.Errorf("%d logins while idle, log %s", w.logins(), said)
	}
	w.mustDo(s)
}

func TestSecretIDUsedUp(t *testing.T) {
	w := newWorld(t)
	s := w.mustOpen(w.method(map[string]any{"secret_id_num_uses": 1}))
	w.revoke(s)
	start := time.Now()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := w.do(s); !errors.Is(err, vaulterr.ErrUnauthenticated) {
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
	if n := w.logins(); n < 2 || n > 2+int(took/time.Second) {
		t.Errorf("%d logins in %v, want the first and one more", n, took)
	}
}

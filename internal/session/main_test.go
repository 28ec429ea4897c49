package session_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) { vaulttest.Main(m) }

// harness holds one test's root client, its own AppRole mount, whose requests it can
// count, and a log that must contain no secret.
type harness struct {
	*testing.T
	server  vaulttest.Vault
	root    *api.Client
	mount   string
	logs    *logbuffer.Buffer
	address string // that sessions connect to

	mu      sync.Mutex
	secrets []string
	errors  []error
}

const (
	probePath  = "secret/data/session-probe"
	deniedPath = "secret/data/session-denied"
)

func newHarness(t *testing.T) *harness {
	t.Helper()
	return newHarnessOf(t, vaulttest.Server())
}

// newHarnessOf returns a harness of another server than the package's.
func newHarnessOf(t *testing.T, server vaulttest.Vault) *harness {
	t.Helper()
	h := &harness{T: t, server: server, logs: &logbuffer.Buffer{}, address: server.Addr()}
	h.mount = "approle-" + strings.ToLower(rand.Text())
	h.root = h.client()
	h.root.SetToken(server.RootToken())
	h.root.SetWrappingLookupFunc(func(string, string) string { return "" })
	h.put("sys/auth/"+h.mount, map[string]any{"type": "approle"})
	h.put("sys/policies/acl/session-probe", map[string]any{"policy": `path "` + probePath + `" { capabilities = ["read"] }`})
	h.put(probePath, map[string]any{"data": map[string]any{"api_key": "sk-fake-probe"}})
	t.Cleanup(h.noLeaks)
	return h
}

// client returns a client without a token, with its own connections.
func (h *harness) client() *api.Client {
	h.Helper()
	config := api.DefaultConfig()
	config.Address = h.address
	c, err := api.NewClient(config)
	if err != nil {
		h.Fatal(err)
	}
	c.ClearToken()
	c.ClearNamespace()
	h.Cleanup(config.HttpClient.CloseIdleConnections)
	return c
}

func (h *harness) put(path string, data map[string]any) *api.Secret {
	h.Helper()
	response, err := h.root.Logical().Write(path, data)
	if err != nil {
		h.Fatalf("Write(%s) as root = %v, want no error", path, err)
	}
	return response
}

// secret notes a value that no log line and no error may contain.
func (h *harness) secret(value string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.secrets = append(h.secrets, value)
	return value
}

// role creates an AppRole role with the probe policy and returns its role id.
func (h *harness) role(settings map[string]any) (roleID string) {
	h.Helper()
	all := map[string]any{"token_policies": "session-probe", "token_ttl": "1h"}
	for name, value := range settings {
		all[name] = value
	}
	h.put("auth/"+h.mount+"/role/app", all)
	response, err := h.root.Logical().Read("auth/" + h.mount + "/role/app/role-id")
	if err != nil {
		h.Fatal(err)
	}
	return response.Data["role_id"].(string)
}

func (h *harness) secretID() string {
	h.Helper()
	return h.secret(h.put("auth/"+h.mount+"/role/app/secret-id", nil).Data["secret_id"].(string))
}

// wrapped returns a wrapping token around the response to a write.
func (h *harness) wrapped(path string, data map[string]any) string {
	h.Helper()
	c := h.root.WithNamespace("")
	c.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	response, err := c.Logical().Write(path, data)
	if err != nil {
		h.Fatal(err)
	}
	return h.secret(response.WrapInfo.Token)
}

// token returns a new token created by root.
func (h *harness) token(request api.TokenCreateRequest) string {
	h.Helper()
	if request.Policies == nil {
		request.Policies = []string{"session-probe"}
	}
	response, err := h.root.Auth().Token().CreateOrphan(&request)
	if err != nil {
		h.Fatal(err)
	}
	return h.secret(response.Auth.ClientToken)
}

// method returns a login with a role of the given settings.
func (h *harness) method(settings map[string]any) session.Method {
	h.Helper()
	roleID := h.role(settings)
	return session.AppRole(h.mount, session.FromString(roleID), session.FromString(h.secretID()))
}

func (h *harness) open(by session.Method) (*session.Session, error) {
	s, err := session.Open(h.Context(), session.Config{Client: h.client(), Login: by, Logger: h.logs.Logger()})
	if err != nil {
		return nil, h.err(err)
	}
	h.secret(s.Client().Token())
	h.Cleanup(func() { _ = s.Close() })
	return s, nil
}

func (h *harness) mustOpen(by session.Method) *session.Session {
	h.Helper()
	s, err := h.open(by)
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// refused opens a session and expects the error.
func (h *harness) refused(by session.Method, sentinel error) error {
	h.Helper()
	s, err := h.open(by)
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, sentinel) {
		h.Fatalf("Open = %v, want %v", err, sentinel)
	}
	if _, ok := errors.AsType[*vaulterr.Error](err); !ok {
		h.Fatalf("Open = %T, want *vaulterr.Error", err)
	}
	return err
}

// err notes an error whose text must contain no secret, and returns it.
func (h *harness) err(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errors = append(h.errors, err)
	return err
}

func (h *harness) do(s *session.Session) error { return h.err(s.Do(h.Context(), read(probePath))) }

func (h *harness) mustDo(s *session.Session) {
	h.Helper()
	if err := h.do(s); err != nil {
		h.Fatalf("Do = %v, want no error", err)
	}
	h.secret(s.Client().Token())
}

func read(path string) func(context.Context, *api.Client) error {
	return func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().ReadWithContext(ctx, path)
		return err
	}
}

func (h *harness) file(content string) string {
	h.Helper()
	path := filepath.Join(h.TempDir(), "credential")
	h.write(path, content)
	return path
}

func (h *harness) write(path, content string) {
	h.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.Fatal(err)
	}
}

// eventually polls until the condition holds.
func (h *harness) eventually(within time.Duration, what string, holds func() bool) {
	h.Helper()
	for end := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.Fatalf("after %v, want: %s", within, what)
		}
	}
}

// noLeaks searches the test's log and errors for secrets.
func (h *harness) noLeaks() {
	h.mu.Lock()
	defer h.mu.Unlock()
	said := h.logs.String()
	for _, err := range h.errors {
		said += fmt.Sprintf("%v %+v %#v %q\n", err, err, err, err)
	}
	for _, secret := range slices.Compact(slices.Sorted(slices.Values(h.secrets))) {
		if secret != "" && strings.Contains(said, secret) {
			h.Errorf("a secret of %d characters is in the log or in an error, want none", len(secret))
		}
	}
}

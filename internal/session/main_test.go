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
	"go.uber.org/goleak"

	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// server is the one Vault of this package's tests; on disk, to be restarted.
var server *devvault.Server

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

type suite struct{ m *testing.M }

// Run runs the tests with a Vault beside them, and fails without one.
func (s suite) Run() int {
	for _, name := range []string{"VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_HEADERS", "VAULT_WRAP_TTL"} {
		_ = os.Unsetenv(name)
	}
	var err error
	if server, err = devvault.Start(context.Background(), devvault.Options{Raft: true}); err != nil {
		fmt.Fprintln(os.Stderr, "no Vault to test against:", err)
		return 1
	}
	code := s.m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping Vault:", err)
		return 1
	}
	return code
}

// world is what one test has of Vault: a root client, an AppRole mount of its
// own whose requests it can count, and a log that must hold no secret.
type world struct {
	*testing.T
	root    *api.Client
	mount   string
	logs    *logbuffer.Buffer
	address string // of its sessions' clients

	mu      sync.Mutex
	secrets []string
	errors  []error
}

const (
	probePath  = "secret/data/session-probe"
	deniedPath = "secret/data/session-denied"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, logs: &logbuffer.Buffer{}, address: server.Addr()}
	w.mount = "approle-" + strings.ToLower(rand.Text())
	w.root = w.client()
	w.root.SetToken(server.RootToken())
	w.root.SetWrappingLookupFunc(func(string, string) string { return "" })
	w.put("sys/auth/"+w.mount, map[string]any{"type": "approle"})
	w.put("sys/policies/acl/session-probe", map[string]any{"policy": `path "` + probePath + `" { capabilities = ["read"] }`})
	w.put(probePath, map[string]any{"data": map[string]any{"api_key": "sk-fake-probe"}})
	t.Cleanup(w.noLeaks)
	return w
}

// client is a client without a token, on connections of its own.
func (w *world) client() *api.Client {
	w.Helper()
	config := api.DefaultConfig()
	config.Address = w.address
	c, err := api.NewClient(config)
	if err != nil {
		w.Fatal(err)
	}
	c.ClearToken()
	c.ClearNamespace()
	w.Cleanup(config.HttpClient.CloseIdleConnections)
	return c
}

func (w *world) put(path string, data map[string]any) *api.Secret {
	w.Helper()
	answer, err := w.root.Logical().Write(path, data)
	if err != nil {
		w.Fatalf("root writes %s: %v", path, err)
	}
	return answer
}

// secret notes a value that no log line and no error may contain.
func (w *world) secret(value string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, value)
	return value
}

// role makes an AppRole role with the probe policy, and gives its role id.
func (w *world) role(settings map[string]any) (roleID string) {
	w.Helper()
	all := map[string]any{"token_policies": "session-probe", "token_ttl": "1h"}
	for name, value := range settings {
		all[name] = value
	}
	w.put("auth/"+w.mount+"/role/app", all)
	answer, err := w.root.Logical().Read("auth/" + w.mount + "/role/app/role-id")
	if err != nil {
		w.Fatal(err)
	}
	return answer.Data["role_id"].(string)
}

func (w *world) secretID() string {
	w.Helper()
	return w.secret(w.put("auth/"+w.mount+"/role/app/secret-id", nil).Data["secret_id"].(string))
}

// wrapped is a wrapping token around what a write to the path answers.
func (w *world) wrapped(path string, data map[string]any) string {
	w.Helper()
	c := w.root.WithNamespace("")
	c.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	answer, err := c.Logical().Write(path, data)
	if err != nil {
		w.Fatal(err)
	}
	return w.secret(answer.WrapInfo.Token)
}

// token is a token made by root.
func (w *world) token(request api.TokenCreateRequest) string {
	w.Helper()
	if request.Policies == nil {
		request.Policies = []string{"session-probe"}
	}
	answer, err := w.root.Auth().Token().CreateOrphan(&request)
	if err != nil {
		w.Fatal(err)
	}
	return w.secret(answer.Auth.ClientToken)
}

// method logs in with a role of the given settings.
func (w *world) method(settings map[string]any) session.Method {
	w.Helper()
	roleID := w.role(settings)
	return session.AppRole(w.mount, session.Value(roleID), session.Value(w.secretID()))
}

func (w *world) open(by session.Method) (*session.Session, error) {
	s, err := session.Open(w.Context(), session.Config{Client: w.client(), Login: by, Logger: w.logs.Logger()})
	if err != nil {
		return nil, w.err(err)
	}
	w.secret(s.Client().Token())
	w.Cleanup(func() { _ = s.Close() })
	return s, nil
}

func (w *world) mustOpen(by session.Method) *session.Session {
	w.Helper()
	s, err := w.open(by)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// refused opens a session that must fail with the sentinel.
func (w *world) refused(by session.Method, sentinel error) error {
	w.Helper()
	s, err := w.open(by)
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, sentinel) {
		w.Fatalf("Open = %v, want %v", err, sentinel)
	}
	if _, ok := errors.AsType[*vaulterr.Error](err); !ok {
		w.Fatalf("Open = %T, want *vaulterr.Error", err)
	}
	return err
}

// err notes an error, whose text must hold no secret.
func (w *world) err(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errors = append(w.errors, err)
	return err
}

func (w *world) do(s *session.Session) error { return w.err(s.Do(w.Context(), read(probePath))) }

func (w *world) mustDo(s *session.Session) {
	w.Helper()
	if err := w.do(s); err != nil {
		w.Fatalf("Do = %v", err)
	}
	w.secret(s.Client().Token())
}

func read(path string) func(context.Context, *api.Client) error {
	return func(ctx context.Context, c *api.Client) error {
		_, err := c.Logical().ReadWithContext(ctx, path)
		return err
	}
}

func (w *world) file(content string) string {
	w.Helper()
	path := filepath.Join(w.TempDir(), "credential")
	w.write(path, content)
	return path
}

func (w *world) write(path, content string) {
	w.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
}

// eventually polls until the condition holds.
func (w *world) eventually(within time.Duration, what string, holds func() bool) {
	w.Helper()
	for end := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("not within %v: %s", within, what)
		}
	}
}

// noLeaks greps everything the test made this package say.
func (w *world) noLeaks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.logs.String()
	for _, err := range w.errors {
		said += fmt.Sprintf("%v %+v %#v %q\n", err, err, err, err)
	}
	for _, secret := range slices.Compact(slices.Sorted(slices.Values(w.secrets))) {
		if secret != "" && strings.Contains(said, secret) {
			w.Errorf("a secret of %d characters was logged or is in an error", len(secret))
		}
	}
}

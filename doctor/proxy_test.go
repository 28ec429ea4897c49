package doctor_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// newAgent starts a stand-in for a Vault Agent at a unix socket. It adds the token to each request.
func newAgent(t *testing.T, token string) (address string) {
	t.Helper()
	return clienttest.NewTokenProxy(t, token).Socket
}

// shortDir returns a directory whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vk") //nolint:usetesting // t.TempDir is too long
	if err != nil {
		t.Fatalf("os.MkdirTemp = %v, want no error", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func behind(address string) func(*testing.T) diagnosis {
	return withOptions(at(address), vaultkit.WithoutLogin())
}

func TestDiagnose_ChecksTheProxyThatAddsTheToken(t *testing.T) {
	nowhere := filepath.Join(shortDir(t), "vault.sock")
	deserted := filepath.Join(shortDir(t), "vault.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", deserted)
	if err != nil {
		t.Fatalf("Listen = %v, want no error", err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatalf("Close = %v, want no error", err)
	}
	reader := vaulttest.Token(t, clienttest.Policy(t, policy.Reader))
	noRight := vaulttest.Token(t, `path "elsewhere/nothing" { capabilities = ["read"] }`)
	problems{
		"no socket": {behind("unix://" + nowhere),
			expected{"reach", fails, vaultkit.ErrUnavailable, "the socket " + nowhere + ": there is no such file", "ls -l " + nowhere}},
		"nobody listens": {behind("unix://" + deserted),
			expected{"reach", fails, vaultkit.ErrUnavailable, "no program listens there", "ls -l " + deserted}},
		"no token": {behind(newAgent(t, "")),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "the Vault Agent or Proxy at the address has not logged in yet", "(agent|proxy)"}},
		"a dead token": {behind(newAgent(t, clienttest.Marker)),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "the Vault Agent or Proxy at the address has not logged in yet", "(agent|proxy)"}},
		"no proxy": {behind(vaulttest.Server().Addr()),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "if there is none at the address, choose a login", "(agent|proxy)"}},
		"no right": {behind(newAgent(t, noRight)),
			expected{"mount", fails, vaultkit.ErrPermissionDenied, "no right below secret/", "vaultkit policy reader"}},
		"a few uses": {behind(newAgent(t, rawToken(t, api.TokenCreateRequest{Policies: []string{"default"}, NumUses: 20}))),
			expected{"token", warns, nil, "uses left", "vault auth list"}},
		"root": {behind(newAgent(t, vaulttest.Server().RootToken())),
			expected{"token", warns, nil, "root", "(agent|proxy)"}},
	}.check(t)
	address := newAgent(t, reader)
	found := behind(address)(t).findings(t)
	expected{"configuration", fine, nil, address + ", secret/", ""}.compare(t, found)
	expected{"reach", fine, nil, "connected to " + strings.TrimPrefix(address, "unix://"), ""}.compare(t, found)
	expected{"credentials", fine, nil, "the proxy at the address adds the token", ""}.compare(t, found)
	expected{"token", fine, nil, "service token", ""}.compare(t, found)
	expected{"rights:reader", fine, nil, "", ""}.compare(t, found)
}

// withMethod returns a diagnosis with an auth method of the program.
func withMethod(method func(context.Context) (api.AuthMethod, error)) func(*testing.T) diagnosis {
	return withOptions(vaultkit.WithAuthMethod("a test's method", method))
}

// methodFunc is a function as an auth method of the official client.
type methodFunc func(ctx context.Context, client *api.Client) (*api.Secret, error)

func (f methodFunc) Login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return f(ctx, client)
}

// byAppRole returns the auth method of an AppRole, as a program would write one.
func byAppRole(data object) func(context.Context) (api.AuthMethod, error) {
	return func(context.Context) (api.AuthMethod, error) {
		return methodFunc(func(ctx context.Context, client *api.Client) (*api.Secret, error) {
			return client.Logical().WriteWithContext(ctx, "auth/approle/login", data)
		}), nil
	}
}

func TestDiagnose_ChecksAnAuthMethodOfTheProgram(t *testing.T) {
	broken := func(context.Context) (api.AuthMethod, error) { return nil, errors.New(clienttest.Marker) }
	none := func(context.Context) (api.AuthMethod, error) { return nil, nil }
	problems{
		"no function": {withMethod(nil), expected{"credentials", fails, vaultkit.ErrInvalid, "is nil", "vaultkit doctor --help"}},
		"returns nil": {withMethod(none), expected{"login", fails, vaultkit.ErrInvalid, "returned nil", "vault auth list"}},
		"fails": {withMethod(broken),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "of type *errors.errorString, is not shown", "vault auth list"}},
		"refused": {withMethod(byAppRole(object{"role_id": "fake", "secret_id": clienttest.Marker})),
			expected{"login", fails, vaultkit.ErrUnauthenticated, "invalid role or secret ID", "vault auth list"}},
	}.check(t)
	found := withMethod(byAppRole(appRoleData(t, nil)))(t).findings(t)
	expected{"credentials", fine, nil, "a test's method", ""}.compare(t, found)
	expected{"rights:reader", fine, nil, "", ""}.compare(t, found)
}

// appRoleData returns what the login of a reader's AppRole sends.
func appRoleData(t *testing.T, settings object) object {
	t.Helper()
	root, name := vaulttest.Root(t), strings.ToLower(vaulttest.Name(t))
	vaulttest.Write(t, root, "auth/approle/role/"+name, withPolicy(t, settings, nil))
	id, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/"+name+"/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext = %v, want no error", err)
	}
	secret, err := root.Logical().WriteWithContext(t.Context(), "auth/approle/role/"+name+"/secret-id", nil)
	if err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	return object{"role_id": id.Data["role_id"], "secret_id": secret.Data["secret_id"]}
}

package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// appRole creates an AppRole with the policy of a reader, and returns its role id and a
// secret id, or a wrapping token for one.
func appRole(t *testing.T, wrapped bool) (roleID, secretID string) {
	t.Helper()
	root, name := vaulttest.Root(t), vaulttest.Name(t)
	path := "auth/approle/role/" + name
	write := func(client *api.Client, path string, data map[string]any) *api.Secret {
		secret, err := client.Logical().WriteWithContext(t.Context(), path, data)
		if err != nil {
			t.Fatalf("WriteWithContext() = %v, want no error", err)
		}
		return secret
	}
	if err := root.Sys().PutPolicyWithContext(t.Context(), name, vaulttest.Policy(t, "../../", "reader")); err != nil {
		t.Fatalf("PutPolicyWithContext() = %v, want no error", err)
	}
	write(root, path, map[string]any{"token_policies": name, "token_no_default_policy": true})
	role, err := root.Logical().ReadWithContext(t.Context(), path+"/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext() = %v, want no error", err)
	}
	if wrapped {
		root.SetWrappingLookupFunc(func(string, string) string { return "5m" })
		return role.Data["role_id"].(string), write(root, path+"/secret-id", nil).WrapInfo.Token
	}
	return role.Data["role_id"].(string), write(root, path+"/secret-id", nil).Data["secret_id"].(string)
}

func TestAppRoleLogin(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	get := func(flags ...string) result {
		return vkBare(t.Context(), t, "", append([]string{"get", provider, "--address", vaulttest.Server().Addr()}, flags...)...)
	}
	roleID, secretID := appRole(t, false)
	for _, flags := range [][]string{
		{"--role-id", roleID, "--secret-id-file", file(t, secretID)},
		{"--auth", "approle", "--role-id-file", file(t, roleID), "--secret-id-file", file(t, secretID), "--approle-mount", "approle"},
	} {
		get(flags...).prints(t, key+"\n")
	}
	get("--role-id", roleID, "--secret-id-file", file(t, "wrong")).want(t, exitcode.Denied, "not logged in")
	get("--auth", "approle", "--role-id", roleID).want(t, exitcode.Usage, "VAULT_SECRET_ID")

	roleID, token := appRole(t, true)
	wrapped := []string{"--role-id", roleID, "--wrapped-secret-id-file", file(t, token)}
	get(wrapped...).prints(t, key+"\n")
	get(wrapped...).want(t, exitcode.Denied, "wrapping token")
}

func TestAppRoleFromEnvironment(t *testing.T) {
	provider, key := stored(t)
	roleID, secretID := appRole(t, false)
	t.Setenv("VAULT_ADDR", vaulttest.Server().Addr())
	t.Setenv("VAULT_ROLE_ID", roleID)
	t.Setenv("VAULT_SECRET_ID", secretID)
	vkBare(t.Context(), t, "", "get", provider).prints(t, key+"\n")
	// A flag selects the login; the environment has the rest.
	t.Setenv("VAULT_TOKEN", "hvs.wrong")
	vkBare(t.Context(), t, "", "get", provider).want(t, exitcode.Denied, "not logged in")
	vkBare(t.Context(), t, "", "get", provider, "--auth", "approle").ok(t)
	vkBare(t.Context(), t, "", "get", provider, "--role-id", roleID).ok(t)
	// A flag overrides its variable.
	vkBare(t.Context(), t, "", "get", provider, "--secret-id-file", file(t, "wrong")).want(t, exitcode.Denied, "not logged in")
	t.Setenv("VAULT_SECRET_ID", "")
	t.Setenv("VAULTKIT_WRAPPED_SECRET_ID", "hvs.wrong")
	vkBare(t.Context(), t, "", "get", provider, "--auth", "approle").want(t, exitcode.Denied, "wrapping token")
	vkBare(t.Context(), t, "", "get", provider, "--secret-id-file", file(t, secretID)).ok(t)
}

// TestKubernetesLogin checks only that the flags reach Vault, which has no such role. The
// library's tests check the login itself.
func TestKubernetesLogin(t *testing.T) {
	t.Parallel()
	args := []string{"list", "--address", vaulttest.Server().Addr(), "--kubernetes-role", "nobody"}
	vkBare(t.Context(), t, "", append(args, "--jwt-file", file(t, "x.y.z"))...).want(t, exitcode.Denied, "not logged in")
	vkBare(t.Context(), t, "", append(args, "--jwt-file", "/nowhere")...).want(t, exitcode.Usage, "/nowhere")
	vkBare(t.Context(), t, "", append(args, "--jwt-file", file(t, "x.y.z"), "--kubernetes-mount", "nowhere")...).want(t, exitcode.Denied)
}

// TestProxyLogin checks that no token of the user's goes to a proxy that adds its own.
func TestProxyLogin(t *testing.T) {
	provider, key := stored(t)
	home := t.TempDir()
	vaulttest.WriteFile(t, filepath.Join(home, ".vault-token"), "hvs.of-vault-login")
	t.Setenv("HOME", home)
	t.Setenv("VAULT_TOKEN", "hvs.of-the-environment")
	proxy := clienttest.NewTokenProxy(t, role(t, "reader"))
	for _, address := range []string{proxy.Address, proxy.Socket} {
		vkBare(t.Context(), t, "", "get", provider, "--address", address, "--auth", "none").prints(t, key+"\n")
	}
	t.Setenv("VAULT_ADDR", proxy.Socket)
	t.Setenv("VAULTKIT_AUTH", "none")
	vkBare(t.Context(), t, "", "get", provider).prints(t, key+"\n")
	vkBare(t.Context(), t, "", "doctor", "--json").want(t, exitcode.OK)
	proxy.WantNoToken(t)
	t.Setenv("VAULT_ADDR", vaulttest.Server().Addr())
	vkBare(t.Context(), t, "", "get", provider).want(t, exitcode.Denied, "not logged in", "Vault Agent or Proxy")
}

func TestJWTFromEnvironment(t *testing.T) {
	provider, key := stored(t)
	issuer := vaulttest.NewIssuer()
	t.Cleanup(issuer.Close)
	jwt := issuer.Sign(map[string]any{"aud": "vault"})
	for name, value := range map[string]string{
		"ACTIONS_ID_TOKEN_REQUEST_URL": "", "GITHUB_ACTIONS": "", "HOME": t.TempDir(), "VAULT_ADDR": vaulttest.Server().Addr(),
		"VAULTKIT_JWT_MOUNT": issuer.Mount(t, vaulttest.Root(t), vaulttest.Policy(t, "../../", "reader")),
	} {
		t.Setenv(name, value)
	}
	get := func(flags ...string) result {
		r := vkBare(t.Context(), t, "", append([]string{"get", provider, "--verbose"}, flags...)...)
		if strings.Contains(r.out+r.err, jwt) {
			t.Errorf("vaultkit get %q prints the JWT, want only its origin", flags)
		}
		return r
	}
	get("--jwt-role", "job").want(t, exitcode.Usage, "ACTIONS_ID_TOKEN_REQUEST_URL is empty", "VAULTKIT_JWT_TOKEN")
	t.Setenv("VAULTKIT_JWT_ROLE", "job")
	t.Setenv("VAULTKIT_JWT_TOKEN", jwt)
	get().prints(t, key+"\n")
	get("--auth", "jwt").prints(t, key+"\n")
	get("--jwt-token-file", file(t, "wrong")).want(t, exitcode.Denied, "not a JWT") // a flag overrides the variable
	get("--jwt-audience", "vault").want(t, exitcode.Usage, "ACTIONS_ID_TOKEN_REQUEST_URL is empty")
	t.Setenv("VAULTKIT_JWT_TOKEN", "")
	get().want(t, exitcode.Usage, "environment VAULTKIT_JWT_TOKEN is empty")
	get("--jwt-audience", "vault").want(t, exitcode.Usage, "ACTIONS_ID_TOKEN_REQUEST_URL is empty")
	t.Setenv("VAULTKIT_JWT_TOKEN", `"`+jwt+`"`)
	get().want(t, exitcode.Usage, "environment VAULTKIT_JWT_TOKEN is in quotes")
	t.Setenv("VAULTKIT_JWT_TOKEN", " ")
	get().want(t, exitcode.Usage, "environment VAULTKIT_JWT_TOKEN is empty")
	t.Setenv("VAULTKIT_JWT_TOKEN", issuer.Sign(map[string]any{"aud": "vault", "exp": 1}))
	get().want(t, exitcode.Denied, "the JWT from environment VAULTKIT_JWT_TOKEN has expired", "start the program again with another one")
	t.Setenv("VAULT_TOKEN", "hvs.wrong") // has precedence
	get().want(t, exitcode.Denied, "VAULT_TOKEN")
	t.Setenv("VAULTKIT_JWT_TOKEN", "")
	t.Setenv("VAULTKIT_JWT_TOKEN_FILE", file(t, jwt))
	get("--auth", "jwt").prints(t, key+"\n")
}

func TestEnvironmentAndFlags(t *testing.T) {
	provider, key := stored(t)
	t.Setenv("HOME", t.TempDir()) // no ~/.vault-token
	vkBare(t.Context(), t, "", "list").want(t, exitcode.Usage, "--address", "vaultkit dev")
	t.Setenv("VAULT_ADDR", vaulttest.Server().Addr())
	vkBare(t.Context(), t, "", "list").want(t, exitcode.Usage, "VAULT_TOKEN")
	t.Setenv("VAULT_TOKEN", vaulttest.Server().RootToken())
	vkBare(t.Context(), t, "", "get", provider).prints(t, key+"\n")
	for _, flags := range [][]string{
		{"--token-file", file(t, "hvs.wrong")}, {"--mount", "nope"}, {"--base", "nope"}, {"--address", "http://127.0.0.1:1"},
	} {
		if r := vkBare(t.Context(), t, "", append([]string{"get", provider, "--timeout", "1s"}, flags...)...); r.code == exitcode.OK {
			t.Errorf("vaultkit get %q: exit code = %d, want a failure: the flag overrides the environment", flags, r.code)
		}
	}
	t.Setenv("VAULT_TOKEN", "")
	t.Setenv("VAULTKIT_TOKEN_FILE", file(t, vaulttest.Server().RootToken()))
	vkBare(t.Context(), t, "", "get", provider, "--auth", "token").ok(t)
	t.Setenv("VAULTKIT_BASE", "nope")
	vkBare(t.Context(), t, "", "get", provider).want(t, exitcode.NotFound)
	vkBare(t.Context(), t, "", "get", provider, "--base", vaulttest.Base, "--mount", vaulttest.Mount, "--namespace", "").ok(t)
}

// httpsFront starts an HTTPS server in front of Vault, and returns it and a file with its
// CA.
func httpsFront(t *testing.T) (front *httptest.Server, ca string) {
	t.Helper()
	server, err := url.Parse(vaulttest.Server().Addr())
	if err != nil {
		t.Fatalf("url.Parse() = %v, want no error", err)
	}
	transport := &http.Transport{}
	front = httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(server) },
	})
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // the tests cause refused handshakes
	front.StartTLS()
	t.Cleanup(func() { front.Close(); transport.CloseIdleConnections() })
	return front, file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})))
}

func TestTLS(t *testing.T) {
	front, ca := httpsFront(t)
	t.Setenv("VAULT_ADDR", front.URL)
	t.Setenv("VAULT_TOKEN", vaulttest.Server().RootToken())

	list := func(flags ...string) result {
		return vkBare(t.Context(), t, "", append([]string{"list", "--timeout", "2s"}, flags...)...)
	}
	list().want(t, exitcode.Unavailable, "certificate")
	list("--ca-cert", ca).ok(t)
	list("--ca-cert", ca, "--tls-server-name", "example.com").ok(t)
	list("--ca-cert", ca, "--tls-server-name", "other.test").want(t, exitcode.Unavailable, "other.test")
	list("--ca-cert", "/nowhere").want(t, exitcode.Usage, "TLS")
	list("--client-cert", ca).want(t, exitcode.Usage, "TLS")

	t.Setenv("VAULT_CACERT", ca)
	list("--tls-server-name", "example.com").ok(t) // $VAULT_CACERT and the flag together
	list("--tls-server-name", "other.test").want(t, exitcode.Unavailable)
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	list("--tls-server-name", "other.test").ok(t)
	list("--ca-cert", ca, "--tls-server-name", "other.test").want(t, exitcode.Unavailable)
}

func TestVerbose(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	roleID, secretID := appRole(t, false)
	secret := file(t, secretID)
	r := vkBare(t.Context(), t, "", "get", provider, "--verbose", "--address", vaulttest.Server().Addr(), "--role-id", roleID,
		"--secret-id-file", secret)
	r.ok(t)
	r.errHas(t, "level=")
	if strings.Contains(r.err, secretID) {
		t.Errorf("vaultkit get --verbose: stderr = %q, want no secret id in it", r.err)
	}
	if r := vk(t, "", "get", provider); r.err != "" {
		t.Errorf("vaultkit get without --verbose: stderr = %q, want nothing", r.err)
	}
}

// TestCommands_PrintNoSecret runs every command with --verbose; vkBare looks for the keys.
func TestCommands_PrintNoSecret(t *testing.T) {
	t.Parallel()
	provider, before, after, id := rotated(t)
	for _, args := range [][]string{
		{"get", provider}, {"get", provider, "--field", "nope"}, {"list"}, {"backups", provider}, {"history", provider}, {"recover", provider},
		{"put", provider, "api_key=" + after}, {"put", vaulttest.Name(t), "api_key=" + after}, {"put", provider, after},
		{"rotate", provider, "--new-key", after}, {"rotate", provider, "--new-key", before, "--dry-run"},
		{"rotate", provider, "--new-key-stdin"}, {"rotate", provider, "--new-key", before + "\n", "--help"},
		{"rotate", provider, "--new-key", before, "--bogus"}, {"rotate", provider, "--new-key", before, "--auto"},
		{"rotate", provider, "--new-key", before, "--verify-cmd", "env; exit 1"}, {"rotate", provider, after, "--new-key-stdin"},
		{"revoke-old", provider, id, "--cmd", "env; exit 1"},
		{"status", provider}, {"abort", provider, id}, {"doctor", provider},
		{"backups", provider, after}, {"backups", provider, "prune", "--keep", "1"},
		{"rollback", provider}, {"rollback", provider, "--to", id}, {"rollback", provider, "--to", "x"},
	} {
		for _, more := range [][]string{{"--verbose"}, {"--verbose", "--json"}, {"--verbose", "--mount", "nope"}, {"--help"}} {
			vk(t, after+"\x00", append(append([]string{}, args...), more...)...)
		}
	}
}

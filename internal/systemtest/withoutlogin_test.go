package systemtest_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// proxied returns a client of the proxy without a login.
func proxied(t *testing.T, address string, opts ...vaultkit.Option) (*vaultkit.Client, error) {
	t.Helper()
	opts = append(opts, vaultkit.WithAddress(address), vaultkit.WithoutLogin(), clienttest.WithBackoff(clienttest.QuickBackoff))
	client, err := vaultkit.New(t.Context(), opts...)
	if err == nil {
		t.Cleanup(func() { _ = client.Close() })
	}
	return client, err
}

// TestWithoutLogin_SendsNoToken checks that a client behind a proxy can do everything with the
// proxy's token, which it neither renews nor revokes, and that it sends no other.
func TestWithoutLogin_SendsNoToken(t *testing.T) {
	home := t.TempDir()
	vaulttest.WriteFile(t, filepath.Join(home, ".vault-token"), "hvs.of-vault-login")
	for name, value := range map[string]string{
		"HOME": home, "VAULT_TOKEN": "hvs.of-the-environment", "VAULTKIT_AUTH": "none",
	} {
		t.Setenv(name, value)
	}
	own, err := vaulttest.Root(t).Auth().Token().CreateOrphan(&api.TokenCreateRequest{Policies: []string{"root"}, TTL: "1h"})
	if err != nil {
		t.Fatal(err)
	}
	proxy := clienttest.NewTokenProxy(t, own.Auth.ClientToken)
	for _, address := range []string{proxy.Address, proxy.Socket} {
		for kind, login := range map[string]vaultkit.Option{"option": vaultkit.WithoutLogin(), "environment": vaultkit.WithEnvironment()} {
			provider := vaulttest.Name(t)
			vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": "sk-fake-old"})
			client, err := vaultkit.New(t.Context(), login, vaultkit.WithAddress(address))
			if err != nil {
				t.Fatalf("New(%s) at %s = %v, want no error", kind, address, err)
			}
			clienttest.Rotate(t, client, provider, "sk-fake-new")
			clienttest.WantAPIKey(t, client, provider, "sk-fake-new")
			if health := client.Health(); !health.OK() {
				t.Errorf("Health = %+v, want no problem", health)
			}
			if err := client.Close(); err != nil {
				t.Errorf("Close = %v, want no error", err)
			}
		}
	}
	proxy.WantNoToken(t)
	if _, err := vaulttest.Root(t).Auth().Token().Lookup(own.Auth.ClientToken); err != nil {
		t.Errorf("Lookup of the proxy's token after Close = %v, want a valid token", err)
	}
}

// TestWithoutLogin_ChecksTheProxy checks that New says what is wrong with the token, at once.
func TestWithoutLogin_ChecksTheProxy(t *testing.T) {
	noLookup := vaulttest.Token(t, `path "secret/data/x" { capabilities = ["read"] }`)
	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"none":                   {"", vaultkit.ErrUnauthenticated},
		"invalid":                {"hvs.nobody", vaultkit.ErrUnauthenticated},
		"may not look itself up": {noLookup, nil},
	} {
		proxy := clienttest.NewTokenProxy(t, tc.token)
		_, err := proxied(t, proxy.Address)
		if !errors.Is(err, tc.want) || err != nil && !strings.Contains(err.Error(), "use_auto_auth_token") {
			t.Errorf("New with a token that is %s = %v, want %v", name, err, tc.want)
		}
		if n := len(proxy.Requests()); err != nil && n != 1 {
			t.Errorf("New with a token that is %s sent %d requests, want 1", name, n)
		}
		proxy.WantNoToken(t)
	}
	_, err := proxied(t, vaulttest.Server().Addr())
	if !errors.Is(err, vaultkit.ErrUnauthenticated) || !strings.Contains(err.Error(), "has not logged in yet") {
		t.Errorf("New at Vault itself = %v, want ErrUnauthenticated that names the cure", err)
	}
	for _, nobody := range []string{"http://127.0.0.1:1", "unix:///nowhere/vault.sock"} {
		if _, err := proxied(t, nobody, vaultkit.WithTimeouts(vaultkit.Timeouts{Start: 200 * time.Millisecond})); !errors.Is(err, vaultkit.ErrUnavailable) {
			t.Errorf("New at %s = %v, want ErrUnavailable", nobody, err)
		}
	}
}

// TestWithoutLogin_UsesTheProxysNextToken checks that a request is repeated once if the proxy has
// replaced its token, and that the client works again when it does so later.
func TestWithoutLogin_UsesTheProxysNextToken(t *testing.T) {
	reader := vaulttest.Policy(t, "../../", "reader")
	provider := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": "sk-fake"})
	first := vaulttest.Token(t, reader)
	proxy := clienttest.NewTokenProxy(t, first)
	client, err := proxied(t, proxy.Socket)
	if err != nil {
		t.Fatal(err)
	}
	second := vaulttest.Token(t, reader)
	proxy.OnRefusal(func(p *clienttest.TokenProxy) { p.SetToken(second) })
	if err := vaulttest.Root(t).Auth().Token().RevokeOrphan(first); err != nil {
		t.Fatal(err)
	}
	clienttest.WantAPIKey(t, client, provider, "sk-fake")

	proxy.OnRefusal(nil)
	for name, token := range map[string]string{"invalid": "hvs.nobody", "absent": ""} {
		proxy.SetToken(token)
		if _, err := client.GetAPIKey(t.Context(), provider); !errors.Is(err, vaultkit.ErrUnauthenticated) {
			t.Errorf("GetAPIKey while the proxy's token is %s = %v, want ErrUnauthenticated", name, err)
		}
		proxy.SetToken(second)
		clienttest.WantAPIKey(t, client, provider, "sk-fake")
	}
	proxy.WantNoToken(t)
}

// TestWithoutLogin_Denials checks that a missing right is reported as such, and that finding out
// costs few requests and no token.
func TestWithoutLogin_Denials(t *testing.T) {
	provider := vaulttest.Name(t)
	const list = `path "secret/metadata/goblin-assistant/providers/" { capabilities = ["list"] }` + "\n"
	for name, policy := range map[string]string{
		"looks itself up": `path "auth/token/lookup-self" { capabilities = ["read"] }`,
		"does not":        "",
	} {
		proxy := clienttest.NewTokenProxy(t, vaulttest.Token(t, list+policy))
		client, err := proxied(t, proxy.Address)
		if err != nil {
			t.Fatal(err)
		}
		before := len(proxy.Requests())
		for range 5 {
			if _, err := client.GetAPIKey(t.Context(), provider); !errors.Is(err, vaultkit.ErrPermissionDenied) {
				t.Errorf("GetAPIKey with a token that %s = %v, want ErrPermissionDenied", name, err)
			}
		}
		if n := len(proxy.Requests()) - before; n > 10 {
			t.Errorf("5 denied reads with a token that %s sent %d requests, want at most 10", name, n)
		}
		if logins := proxy.Requests()[0].URL.Path; logins != "/v1/auth/token/lookup-self" {
			t.Errorf("the first request is %s, want the check of the token", logins)
		}
		proxy.WantNoToken(t)
	}
}

// TestWithoutLogin_OfAnExistingClient checks that the token of a client of the official package
// is not sent.
func TestWithoutLogin_OfAnExistingClient(t *testing.T) {
	proxy := clienttest.NewTokenProxy(t, vaulttest.Server().RootToken())
	existing := vaulttest.RootAt(t, proxy.Address, "hvs.of-the-client")
	client, err := proxied(t, proxy.Address, vaultkit.WithAPIClient(existing))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Providers(t.Context()); err != nil {
		t.Errorf("Providers = %v, want no error", err)
	}
	if token := client.Vault().Token(); token != "" {
		t.Error("the official client has a token, want none")
	}
	proxy.WantNoToken(t)
}

package systemtest_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// inNamespace is a namespace of an OpenBao, with an AppRole that has the policies of some roles.
type inNamespace struct {
	path  string
	root  *api.Client // outside of the namespace
	admin *api.Client // inside
	proxy *faultproxy.Proxy
}

func newNamespace(t *testing.T, path string) *inNamespace {
	t.Helper()
	server := vaulttest.StartOpenBao(t)
	root := vaulttest.RootOf(t, server)
	root.ClearNamespace()
	n := &inNamespace{path, root, vaulttest.AddNamespace(t, root, path), clienttest.NewProxyTo(t, server.Addr())}
	var names []string
	for _, role := range []policy.Role{policy.Provisioner, policy.Rotator, policy.Revoker, policy.Auditor, policy.Janitor} {
		if err := n.admin.Sys().PutPolicyWithContext(t.Context(), string(role), clienttest.Policy(t, role)); err != nil {
			t.Fatal(err)
		}
		names = append(names, string(role))
	}
	n.write(t, "auth/approle/role/job", map[string]any{
		"token_policies": names, "token_no_default_policy": true, "token_ttl": "4s", "token_max_ttl": "1h",
	})
	return n
}

func (n *inNamespace) write(t *testing.T, path string, data map[string]any) *api.Secret {
	t.Helper()
	secret, err := n.admin.Logical().WriteWithContext(t.Context(), path, data)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// login returns the options of a client that logs in by AppRole, with a wrapped secret id.
func (n *inNamespace) login(t *testing.T) []vaultkit.Option {
	t.Helper()
	roleID, err := n.admin.Logical().ReadWithContext(t.Context(), "auth/approle/role/job/role-id")
	if err != nil {
		t.Fatal(err)
	}
	n.admin.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	defer n.admin.SetWrappingLookupFunc(nil)
	wrapped := n.write(t, "auth/approle/role/job/secret-id", nil).WrapInfo.Token
	return []vaultkit.Option{
		vaultkit.WithAddress(n.proxy.URL()), vaultkit.WithNamespace(n.path), clienttest.WithBackoff(clienttest.QuickBackoff),
		vaultkit.WithAppRole(vaultkit.AppRole{
			RoleID: vaultkit.FromString(roleID.Data["role_id"].(string)), SecretID: vaultkit.FromString(wrapped).Wrapped(),
		}),
	}
}

// TestNamespace_EveryVerbWorksInside runs the verbs, and doctor, with generated policies. Every
// request names the namespace, those of the login, its renewal and its end included. Nothing is
// written outside.
func TestNamespace_EveryVerbWorksInside(t *testing.T) {
	for _, path := range []string{"team", "team/a/b"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			n := newNamespace(t, path)
			client, err := vaultkit.New(t.Context(), n.login(t)...)
			if err != nil {
				t.Fatal(err)
			}
			n.runVerbs(t, client)
			vaulttest.Eventually(t, "the client renews its token", func() bool { return n.sent("auth/token/renew-self") })
			if err := client.Close(); err != nil {
				t.Errorf("Close = %v, want no error", err)
			}
			n.checkRequests(t)
			if outside := vaulttest.LookAt(t, n.root, "providers"); len(outside) > 0 {
				t.Errorf("the root namespace has %v, want nothing", slices.Collect(maps.Keys(outside)))
			}
		})
	}
}

func (n *inNamespace) runVerbs(t *testing.T, client *vaultkit.Client) {
	t.Helper()
	ctx, p := t.Context(), "openai-gpt4"
	if _, err := client.PutProviderKeys(ctx, p, vaultkit.ProviderKeys{"api_key": "fake-old"}); err != nil {
		t.Fatalf("PutProviderKeys = %v, want no error", err)
	}
	first := clienttest.Rotate(t, client, p, "fake-new")
	clienttest.WantAPIKey(t, client, p, "fake-new")
	if _, err := client.RevokeOld(ctx, p, first.ID, &clienttest.Revoker{}); err != nil {
		t.Errorf("RevokeOld = %v, want no error", err)
	}
	second := clienttest.Rotate(t, client, p, "fake-newest")
	if _, err := client.Rollback(ctx, p, second.ID); err != nil {
		t.Errorf("Rollback = %v, want no error", err)
	}
	clienttest.WantAPIKey(t, client, p, "fake-new")
	if found, err := client.Recover(ctx, p); err != nil || len(found) > 0 {
		t.Errorf("Recover = %v, %v, want nothing unfinished", found, err)
	}
	if records, err := client.History(ctx, p); err != nil || len(records) != 3 {
		t.Errorf("History = %d records, %v, want 3", len(records), err)
	}
	if names, err := client.Providers(ctx); err != nil || !slices.Equal(names, []string{p}) {
		t.Errorf("Providers = %v, %v, want %s", names, err, p)
	}
	if got := clienttest.Status(t, client, vaultkit.StatusQuery{}); len(got) != 1 {
		t.Errorf("Status = %v, want one provider", got)
	}
	if deleted, err := client.PruneBackups(ctx, p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil || len(deleted) == 0 {
		t.Errorf("PruneBackups = %v, %v, want deleted backups", deleted, err)
	}
	query := doctor.Query{Roles: []policy.Role{policy.Rotator}, Unwrap: true}
	for found := range doctor.Diagnose(ctx, query, n.login(t)...) {
		if want := "namespace " + n.path; found.Check == "configuration" && !strings.Contains(found.Detail, want) {
			t.Errorf("Diagnose yielded %+v, want %q in the detail", found, want)
		}
		if found.Status == doctor.Failed || strings.HasPrefix(found.Check, "rights") && found.Status != doctor.OK {
			t.Errorf("Diagnose yielded %+v, want no failure and every right", found)
		}
	}
}

// sent reports whether a request to the path has passed the proxy.
func (n *inNamespace) sent(path string) bool {
	return slices.ContainsFunc(n.proxy.Log(), func(r faultproxy.Request) bool { return r.Path == path && r.Status < 300 })
}

// checkRequests checks the namespace of every request. Only doctor looks outside: at the server's
// health, the audit devices and the audited header.
func (n *inNamespace) checkRequests(t *testing.T) {
	t.Helper()
	outside := map[string]string{"sys/health": "", "sys/audit": "", "sys/config/auditing/request-headers/X-Correlation-Id": ""}
	for _, r := range n.proxy.Log() {
		want, is := outside[r.Path]
		if !is {
			want = n.path
		}
		if r.Namespace != want {
			t.Errorf("%s %s has the namespace %q, want %q", r.Method, r.Path, r.Namespace, want)
		}
	}
	for _, path := range []string{
		"sys/wrapping/lookup", "sys/wrapping/unwrap", "auth/approle/login", "auth/token/renew-self", "auth/token/revoke-self",
		"auth/token/lookup-self", "sys/capabilities-self", "sys/internal/ui/mounts/secret", "sys/health",
	} {
		if !n.sent(path) {
			t.Errorf("no request to %s succeeded, want one", path)
		}
	}
}

// missingNamespace has servers without the namespace nowhere: the package's Vault behind a proxy that
// answers as OpenBao does, and an OpenBao.
func missingNamespace(t *testing.T) map[string]vaulttest.Vault {
	return map[string]vaulttest.Vault{"on the wire": vaulttest.Server(), "OpenBao": vaulttest.StartOpenBao(t)}
}

// TestNamespace_ThatDoesNotExistIsNamed checks the class and the text of the error at each login.
func TestNamespace_ThatDoesNotExistIsNamed(t *testing.T) {
	fake := vaultkit.FromString("fake")
	for name, server := range missingNamespace(t) {
		for login, option := range map[string]vaultkit.Option{
			"token":   vaultkit.WithToken(vaultkit.FromString(server.RootToken())),
			"AppRole": vaultkit.WithAppRole(vaultkit.AppRole{RoleID: fake, SecretID: fake}),
			"wrapped": vaultkit.WithAppRole(vaultkit.AppRole{RoleID: fake, SecretID: fake.Wrapped()}),
		} {
			t.Run(name+", "+login, func(t *testing.T) {
				proxy := clienttest.NewProxyTo(t, server.Addr())
				proxy.SetRule(faultproxy.OnlyNamespaces())
				opts := []vaultkit.Option{vaultkit.WithAddress(proxy.URL()), vaultkit.WithNamespace("team/nowhere"), option}
				_, err := vaultkit.New(t.Context(), opts...)
				wantMissingNamespace(t, "New", err)
				for found := range doctor.Diagnose(t.Context(), doctor.Query{}, opts...) {
					if found.Check != "login" {
						continue
					}
					wantMissingNamespace(t, "Diagnose", found.Err)
					if want := "VAULT_NAMESPACE=team vault namespace list"; found.Status != doctor.Failed || found.Fix != want || !found.LookOnly {
						t.Errorf("Diagnose yielded %+v, want the look %q", found, want)
					}
				}
			})
		}
	}
}

func wantMissingNamespace(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, vaultkit.ErrMountNotFound) || errors.Is(err, vaultkit.ErrNotFound) ||
		!strings.Contains(err.Error(), `the namespace "team/nowhere" does not exist`) || !strings.Contains(err.Error(), "check WithNamespace") {
		t.Errorf("%s = %v, want ErrMountNotFound that names the namespace and what to check", call, err)
	}
}

// TestNamespace_DeletedWhileInUse checks that no verb takes the 404 for a missing provider.
func TestNamespace_DeletedWhileInUse(t *testing.T) {
	n, p := newNamespace(t, "team/nowhere"), "openai-gpt4"
	client := clienttest.New(t, n.login(t)...)
	if _, err := client.PutProviderKeys(t.Context(), p, vaultkit.ProviderKeys{"api_key": "fake-old"}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.root.WithNamespace("team").Logical().DeleteWithContext(t.Context(), "sys/namespaces/nowhere"); err != nil {
		t.Fatal(err)
	}
	for verb, call := range map[string]func() error{
		"GetAPIKey":       func() error { return clienttest.ErrorOf(client.GetAPIKey(t.Context(), p)) },
		"GetProviderKeys": func() error { return clienttest.ErrorOf(client.GetProviderKeys(t.Context(), p)) },
		"Providers":       func() error { return clienttest.ErrorOf(client.Providers(t.Context())) },
		"PutProviderKeys": func() error {
			return clienttest.ErrorOf(client.PutProviderKeys(t.Context(), p, vaultkit.ProviderKeys{"api_key": "fake"}))
		},
		"Rotate":   func() error { return clienttest.ErrorOf(client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))) },
		"Rollback": func() error { return clienttest.ErrorOf(client.Rollback(t.Context(), p, "")) },
		"Recover":  func() error { return clienttest.ErrorOf(client.Recover(t.Context(), p)) },
		"History":  func() error { return clienttest.ErrorOf(client.History(t.Context(), p)) },
	} {
		err := call()
		wantMissingNamespace(t, verb, err)
		if failed, ok := errors.AsType[*vaultkit.Error](err); ok && (failed.CorrelationID == "" || failed.Path == "") {
			t.Errorf("%s = %+v, want the request's path and correlation id", verb, failed)
		}
	}
}

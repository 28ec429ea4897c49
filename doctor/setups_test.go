package doctor_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

func inAMonth() time.Time { return time.Now().Add(30 * 24 * time.Hour) }

// only returns a query about one provider.
func only(provider string, roles ...policy.Role) doctor.Query {
	return doctor.Query{Providers: []string{provider}, Roles: roles}
}

// roleSetUp returns a set-up with an AppRole that has a reader's policy without some rights.
func roleSetUp(check string, settings object, roles []policy.Role, missing ...clienttest.Right) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		roleID, secretID, _ := roleOf(t, withPolicy(t, settings, missing), false)
		return setUp{diagnosis: diagnosis{query: doctor.Query{Roles: roles}, opts: []vaultkit.Option{byRole(roleID, secretID, "")}}, check: check}
	}
}

// aboutOne narrows a set-up to one provider, because others may be deleted or have pending rotations.
func aboutOne(arrange func(*testing.T) setUp) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		s := arrange(t)
		s.query = only(vaulttest.PutProvider(t, clienttest.OldSecret), s.query.Roles...)
		return s
	}
}

// withPolicy adds to the settings of a login's role a policy of its own: a reader's without some rights.
func withPolicy(t *testing.T, settings object, missing []clienttest.Right) object {
	t.Helper()
	policy, name := clienttest.Policy(t, policy.Reader), strings.ToLower(vaulttest.Name(t))
	for _, one := range missing {
		policy = clienttest.WithoutRight(policy, one)
	}
	if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), name, policy); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	all := object{"token_policies": name}
	for key, value := range settings {
		all[key] = value
	}
	return all
}

// podSetUp returns a set-up with a Kubernetes login that has a reader's policy.
func podSetUp(check string, settings object, roles []policy.Role) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		cluster, root, name := vaulttest.NewCluster(), vaulttest.Root(t), vaulttest.Name(t)
		t.Cleanup(cluster.Close)
		if err := root.Sys().EnableAuthWithOptionsWithContext(t.Context(), name, &api.EnableAuthOptions{Type: "kubernetes"}); err != nil {
			t.Fatalf("EnableAuthWithOptionsWithContext = %v, want no error", err)
		}
		vaulttest.Write(t, root, "auth/"+name+"/config", cluster.Config())
		role := cluster.Role("")
		for key, value := range withPolicy(t, settings, nil) {
			role[key] = value
		}
		vaulttest.Write(t, root, "auth/"+name+"/role/service", role)
		jwt := filepath.Join(t.TempDir(), "jwt")
		vaulttest.WriteFile(t, jwt, cluster.JWT(name, true))
		login := vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "service", JWTFile: jwt, Mount: name})
		return setUp{diagnosis: diagnosis{query: doctor.Query{Roles: roles}, opts: []vaultkit.Option{login}}, check: check}
	}
}

// jobSetUp returns a set-up with a JWT login that has a reader's policy. Its role matches a claim by
// a pattern.
func jobSetUp(check string, settings object, roles []policy.Role) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		role := object{"bound_claims_type": "glob", "bound_claims": object{"repository": "goblin/*"}}
		for key, value := range settings {
			role[key] = value
		}
		issuer := newIssuer(t)
		env := byJWT(mountJWT(t, issuer.StaticConfig(), role), issuer.Sign(jobClaims))
		return setUp{diagnosis: diagnosis{query: doctor.Query{Roles: roles}, opts: []vaultkit.Option{variables(env...)}}, check: check}
	}
}

// methodSetUp returns a set-up with an AppRole by an auth method of the program, that has a
// reader's policy.
func methodSetUp(check string, settings object, roles []policy.Role) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		s := setUp{diagnosis: withMethod(byAppRole(appRoleData(t, settings)))(t), check: check}
		s.query.Roles = roles
		return s
	}
}

// mountAuth mounts an auth method at a path of its own.
func mountAuth(t *testing.T, kind string) (mount string) {
	t.Helper()
	mount = strings.ToLower(vaulttest.Name(t))
	if err := vaulttest.Root(t).Sys().EnableAuthWithOptionsWithContext(t.Context(), mount, &api.EnableAuthOptions{Type: kind}); err != nil {
		t.Fatalf("EnableAuthWithOptionsWithContext = %v, want no error", err)
	}
	return mount
}

// driftedRole returns a set-up with an AppRole that vaultkit setup made, and that lost its policy.
func driftedRole(t *testing.T) setUp {
	root, mount := vaulttest.Root(t), mountAuth(t, "approle")
	vaulttest.Write(t, root, "auth/"+mount+"/role/vaultkit-monitor", withPolicy(t, nil, nil))
	login := byRole(idsOf(t, mount, "vaultkit-monitor"))
	return setUp{diagnosis: diagnosis{query: doctor.Query{Roles: []policy.Role{policy.Monitor}}, opts: []vaultkit.Option{login}}, check: "rights:monitor"}
}

// idsOf returns the ids of an AppRole, and its mount.
func idsOf(t *testing.T, mount, role string) (roleID, secretID vaultkit.Credential, at string) {
	t.Helper()
	path := "auth/" + mount + "/role/" + role
	id, err := vaulttest.Root(t).Logical().ReadWithContext(t.Context(), path+"/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext = %v, want no error", err)
	}
	secret, err := vaulttest.Root(t).Logical().WriteWithContext(t.Context(), path+"/secret-id", nil)
	if err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	return vaultkit.FromString(id.Data["role_id"].(string)), vaultkit.FromString(secret.Data["secret_id"].(string)), mount
}

// attached are set-ups with a login whose role lacks a policy.
var attached = setUps{
	"AppRole of setup": driftedRole,
	"AppRole":          roleSetUp("rights:rotator", nil, []policy.Role{policy.Reader, policy.Rotator}),
	"Kubernetes":       podSetUp("rights:rotator", nil, []policy.Role{policy.Reader, policy.Rotator}),
	"JWT":              jobSetUp("rights:rotator", nil, []policy.Role{policy.Reader, policy.Rotator}),
	"auth method":      methodSetUp("rights:rotator", nil, []policy.Role{policy.Reader, policy.Rotator}),
	"what is pending":  aboutOne(roleSetUp("pending", nil, nil)),
	"what is deleted":  aboutOne(roleSetUp("deletion", nil, nil)),
	"no right at all":  roleSetUp("mount", object{"token_policies": "none", "token_no_default_policy": false}, nil),
	"no list": roleSetUp("providers", nil, nil,
		clienttest.Right{Path: "secret/metadata/goblin-assistant/providers/", Capability: "list"}),
	"of one provider":    func(t *testing.T) setUp { return ofOne(t, policy.Rotator, true) },
	"of them all":        func(t *testing.T) setUp { return ofOne(t, policy.Rotator, false) },
	"general and narrow": func(t *testing.T) setUp { return ofOne(t, policy.Janitor, false, policy.Rotator) },
}

// ofOne returns a set-up that checks whether an AppRole has the rights of the wanted role for one
// provider. The AppRole has the policy of another role, a reader by default, for this provider alone if
// narrowed.
func ofOne(t *testing.T, wanted policy.Role, narrowed bool, has ...policy.Role) setUp {
	t.Helper()
	p, name := vaulttest.PutProvider(t, clienttest.OldSecret), strings.ToLower(vaulttest.Name(t))
	var opts []policy.Option
	if narrowed {
		opts = append(opts, policy.OnlyProviders(p))
	}
	role := append(has, policy.Reader)[0]
	if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), name, clienttest.Policy(t, role, opts...)); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	roleID, secretID, _ := roleOf(t, object{"token_policies": name}, false)
	return setUp{diagnosis: diagnosis{query: only(p, wanted, role), opts: []vaultkit.Option{byRole(roleID, secretID, "")}},
		check: "rights:" + string(wanted)}
}

// outdatedPolicy returns a set-up whose token's policy has the name of a role and not its rights.
func outdatedPolicy(t *testing.T) setUp {
	if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), "vaultkit-janitor", clienttest.Policy(t, policy.Reader)); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	token := vaultkit.FromString(rawToken(t, api.TokenCreateRequest{Policies: []string{"vaultkit-janitor"}, NoDefaultPolicy: true}))
	query := doctor.Query{Roles: []policy.Role{policy.Janitor}}
	return setUp{diagnosis: diagnosis{query: query, opts: []vaultkit.Option{vaultkit.WithToken(token)}}, check: "rights:janitor"}
}

func readersToken(t *testing.T) setUp {
	if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), "vaultkit-reader", vaulttest.Policy(t, "../", "reader")); err != nil {
		t.Fatalf("PutPolicyWithContext = %v, want no error", err)
	}
	token := rawToken(t, api.TokenCreateRequest{Policies: []string{"vaultkit-reader"}, Period: "1h"})
	return tokenIs("rights:rotator", token, policy.Reader, policy.Rotator)
}

// roleInVariables creates an AppRole of a reader and returns variables with its ids.
func roleInVariables(t *testing.T) (env []string) {
	t.Helper()
	root, name := vaulttest.Root(t), strings.ToLower(vaulttest.Name(t))
	vaulttest.Write(t, root, "auth/approle/role/"+name, withPolicy(t, nil, nil))
	id, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/"+name+"/role-id")
	if err != nil {
		t.Fatalf("ReadWithContext = %v, want no error", err)
	}
	secret, err := root.Logical().WriteWithContext(t.Context(), "auth/approle/role/"+name+"/secret-id", nil)
	if err != nil {
		t.Fatalf("WriteWithContext = %v, want no error", err)
	}
	return []string{"VAULT_ROLE_ID=" + id.Data["role_id"].(string), "VAULT_SECRET_ID=" + secret.Data["secret_id"].(string)}
}

func deletingSetUp(t *testing.T) setUp {
	return found("mount", vaultkit.WithMount(clienttest.MountDeletingVersions(t, "2h")))(t)
}

// guardedMount starts an OpenBao whose mount requires check-and-set for metadata.
func guardedMount(t *testing.T) vaulttest.Vault {
	server := vaulttest.StartOpenBao(t)
	vaulttest.Write(t, vaulttest.RootOf(t, server), "secret/config", object{"metadata_cas_required": true})
	return server
}

func guardedSetUp(t *testing.T) setUp {
	server := guardedMount(t)
	s := found("mount", at(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))(t)
	s.env = []string{"VAULT_ADDR=" + server.Addr(), "VAULT_TOKEN=" + server.RootToken()}
	return s
}

// keys are set-ups with a provider whose key is deleted, or will be.
var keys = setUps{
	"deleted":       keyThat(deleteKey),
	"to be deleted": keyThat(func(t *testing.T, p string) { vaulttest.PutToBeDeleted(t, p, "1h") }),
	"the next one": keyThat(func(t *testing.T, p string) {
		vaulttest.Put(t, "providers/"+p, clienttest.OldSecret)
		vaulttest.SetDeleteVersionAfter(t, p, "1h")
	}),
	"both": keyThat(func(t *testing.T, p string) { vaulttest.PutToBeDeleted(t, p, "1h"); deleteKey(t, p) }),
	"by the mount": func(t *testing.T) setUp {
		mount := clienttest.MountDeletingVersions(t, "2h")
		vaulttest.Write(t, vaulttest.Root(t), mount+"/config", object{"delete_version_after": "0s"})
		return found("deletion", vaultkit.WithMount(mount))(t)
	},
}

func keyThat(happens func(t *testing.T, p string)) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		p := vaulttest.PutProvider(t, clienttest.OldSecret)
		happens(t, p)
		return setUp{diagnosis: withQuery(only(p))(t), check: "deletion"}
	}
}

func deleteKey(t *testing.T, p string) {
	t.Helper()
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
		t.Fatalf("Delete = %v, want no error", err)
	}
}

func destroyed(t *testing.T) setUp {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Destroy(t.Context(), vaulttest.Base+"/providers/"+p, []int{1}); err != nil {
		t.Fatalf("Destroy = %v, want no error", err)
	}
	return setUp{diagnosis: withQuery(only(p))(t), check: "deletion", input: "fake-new\n"}
}

// If nothing listens at a local address, the fix starts a development server in the foreground.
func TestDiagnose_FixStartsADevelopmentServer(t *testing.T) {
	short.RealOnly(t, "the program of a real Vault server")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen = %v, want no error", err)
	}
	s := found("reach", at("http://"+listener.Addr().String()))(t)
	if err := listener.Close(); err != nil {
		t.Fatalf("Close = %v, want no error", err)
	}
	fix := s.run(t)["reach"].Fix
	s.env = []string{"VAULTKIT_VAULT_BIN=" + vaulttest.Binary()}
	cmd := s.command(t, fixTools(t), "exec "+fix)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("Start = %v, want no error", err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it prints its address when it serves
		t.Errorf("the fix %q printed nothing: %v, want the address", fix, err)
	}
	go io.Copy(io.Discard, out)
	if got := s.findings(t)["reach"]; got.Status != fine {
		t.Errorf("after the fix %q, Diagnose yielded %+v, want ok", fix, got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("Signal = %v, want no error", err)
	}
	_ = cmd.Wait() // the tests of the command check how it ends
}

// The test runs processes, because net/http reads the proxy variables once.
func TestDiagnose_FixBypassesTheProxy(t *testing.T) {
	target, err := url.Parse(vaulttest.Server().Addr())
	if err != nil {
		t.Fatalf("url.Parse = %v, want no error", err)
	}
	front := httptest.NewServer(httputil.NewSingleHostReverseProxy(target))
	t.Cleanup(func() { front.Close(); http.DefaultTransport.(*http.Transport).CloseIdleConnections() })
	// net/http uses no proxy for localhost, but does for another spelling of it.
	address := strings.Replace(front.URL, "127.0.0.1", "LOCALHOST", 1)
	s := setUp{check: "reach", env: []string{"VAULT_ADDR=" + address, "HTTP_PROXY=http://127.0.0.1:1"}}
	tools := fixTools(t)
	found := func(before string) doctor.Finding {
		out, _ := s.command(t, tools, before+"vaultkit doctor --json").Output()
		return s.findingsAfter(t, shell{printed: string(out)}, "vaultkit doctor")["reach"]
	}
	broken := found("")
	if broken.Status != fails || !strings.HasPrefix(broken.Fix, "export NO_PROXY=") {
		t.Fatalf("behind a dead proxy, doctor found %+v, want the fix export NO_PROXY=…", broken)
	}
	if healed := found(broken.Fix + "\n"); healed.Status != fine {
		t.Errorf("after the fix %q, doctor found %+v, want ok", broken.Fix, healed)
	}
}

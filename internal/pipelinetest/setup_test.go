package pipelinetest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// setup runs vault-setup.sh as an administrator would.
func (w *world) setup(t *testing.T) {
	t.Helper()
	for _, says := range []string{"Changes made: ", "Nothing to change"} {
		if status, printed := w.runSetup(t, nil); status != 0 || !strings.Contains(printed, says) {
			t.Fatalf("vault-setup.sh exits with %d, want 0 and %q:\n%s", status, says, printed)
		}
	}
}

// runSetup runs vault-setup.sh once, with other values of variables.
func (w *world) runSetup(t *testing.T, more map[string]string) (status int, printed string) {
	t.Helper()
	s := newSandbox(t)
	s.install(t, "vaultkit", vaultkit)
	config := w.cluster.Config()
	must(t, os.WriteFile(s.outside("ca.crt"), []byte(config["kubernetes_ca_cert"].(string)), 0o600))
	must(t, os.WriteFile(s.outside("reviewer"), []byte(w.cluster.JWT("reviewer", true)), 0o600))
	script, err := os.ReadFile(files + "vault-setup.sh")
	must(t, err)
	env := map[string]string{
		"VAULT_ADDR": w.URL, "VAULT_TOKEN": w.server.RootToken(),
		"GITHUB_ISSUER": w.github.URL, "GITHUB_REPOSITORY_ID": "1001",
		"GITLAB_ISSUER": w.gitlab.URL, "GITLAB_PROJECT_ID": "2002",
		"KUBERNETES_HOST": config["kubernetes_host"].(string), "KUBERNETES_CA_CERT": s.outside("ca.crt"), "TOKEN_REVIEWER_JWT": s.outside("reviewer"),
	}
	maps.Copy(env, more)
	status, printed = s.shell(t, s.workspace, string(script), env)
	w.assertNoSecret(t, "an argument", s.arguments(t))
	return status, printed
}

// TestSetup compares the policies that the set-up stores with the committed ones.
func TestSetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, role := range []string{"reader", "monitor", "rotator", "revoker"} {
		want, err := os.ReadFile(filepath.Join(root, "testdata/policies", role+".hcl"))
		must(t, err)
		got, err := w.root.Sys().GetPolicyWithContext(t.Context(), "vaultkit-"+role)
		must(t, err)
		if got != string(want) {
			t.Errorf("the policy vaultkit-%s is\n%s\nwant\n%s", role, got, want)
		}
	}
	config, err := w.root.Logical().ReadWithContext(t.Context(), "auth/kubernetes/config")
	must(t, err)
	if config.Data["token_reviewer_jwt_set"] != true {
		t.Errorf("token_reviewer_jwt_set = %v, want true: the pods may not review tokens", config.Data["token_reviewer_jwt_set"])
	}
	policies, err := w.root.Sys().ListPoliciesWithContext(t.Context())
	must(t, err)
	if want := []string{"default", "vaultkit-monitor", "vaultkit-reader", "vaultkit-revoker", "vaultkit-rotator", "root"}; !slices.Equal(policies, want) {
		t.Errorf("policies = %v, want %v", policies, want)
	}
}

// kubernetesHost returns the API server that a Kubernetes auth method calls.
func (w *world) kubernetesHost(t *testing.T, mount string) any {
	t.Helper()
	config, err := w.root.Logical().ReadWithContext(t.Context(), "auth/"+mount+"/config")
	must(t, err)
	if config == nil {
		return nil
	}
	return config.Data["kubernetes_host"]
}

// TestSetup_KeepsAnExistingAuthMethod: other clients may use it.
func TestSetup_KeepsAnExistingAuthMethod(t *testing.T) {
	t.Parallel()
	w := newWorldWithoutSetup(t)
	const theirs = "https://theirs.example.invalid"
	must(t, w.root.Sys().EnableAuthWithOptionsWithContext(t.Context(), "kubernetes", &api.EnableAuthOptions{Type: "kubernetes"}))
	config := w.cluster.Config()
	config["kubernetes_host"] = theirs
	_, err := w.root.Logical().WriteWithContext(t.Context(), "auth/kubernetes/config", config)
	must(t, err)

	status, printed := w.runSetup(t, nil)
	if got := w.kubernetesHost(t, "kubernetes"); status != 2 || got != theirs || !strings.Contains(printed, "asks the API server "+theirs) {
		t.Errorf("vault-setup.sh exits with %d and the method asks %v, want 2 and the old %v:\n%s", status, got, theirs, printed)
	}
	status, printed = w.runSetup(t, map[string]string{"KUBERNETES_MOUNT": "goblin-cluster"})
	if got := w.kubernetesHost(t, "goblin-cluster"); status != 0 || got != w.cluster.Config()["kubernetes_host"] {
		t.Errorf("vault-setup.sh with a mount of its own exits with %d, its method asks %v, want 0 and this cluster:\n%s", status, got, printed)
	}
	for _, role := range []string{"vaultkit-reader", "vaultkit-monitor"} {
		if found, err := w.root.Logical().ReadWithContext(t.Context(), "auth/goblin-cluster/role/"+role); err != nil || found == nil {
			t.Errorf("the role %s at the requested mount = %v, %v, want it there", role, found, err)
		}
	}
}

// TestSetup_FailsWithoutItsVariables checks that a set-up that failed half-way is completed by
// the next one.
func TestSetup_FailsWithoutItsVariables(t *testing.T) {
	t.Parallel()
	w := newWorldWithoutSetup(t)
	for name, variable := range map[string]string{"no repository": "GITHUB_REPOSITORY_ID", "no project": "GITLAB_PROJECT_ID"} {
		status, printed := w.runSetup(t, map[string]string{variable: ""})
		if status == 0 || !strings.Contains(printed, variable+": is not set") {
			t.Errorf("%s: vault-setup.sh exits with %d, want an error about %s:\n%s", name, status, variable, printed)
		}
	}
	policies, err := w.root.Sys().ListPoliciesWithContext(t.Context())
	must(t, err)
	if !slices.Equal(policies, []string{"default", "root"}) {
		t.Errorf("a refused set-up left the policies %v, want none of its own", policies)
	}
	if status, printed := w.runSetup(t, map[string]string{"KUBERNETES_CA_CERT": "/nonexistent"}); status == 0 {
		t.Errorf("vault-setup.sh without its CA file exits with 0, want an error:\n%s", printed)
	}
	w.setup(t)
	if got := w.kubernetesHost(t, "kubernetes"); got != w.cluster.Config()["kubernetes_host"] {
		t.Errorf("the method asks %v, want %v", got, w.cluster.Config()["kubernetes_host"])
	}
}

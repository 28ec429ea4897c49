package pipelines

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// setup runs vault-setup.sh, as an administrator would.
func (w *world) setup(t *testing.T) {
	t.Helper()
	s := newSandbox(t)
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, s.outside("vault")))
	s.offer(t, "vault", s.outside("vault"))
	s.offer(t, "vaultkit", vaultkit)
	config := w.cluster.Config()
	must(t, os.WriteFile(s.outside("ca.crt"), []byte(config["kubernetes_ca_cert"].(string)), 0o600))
	must(t, os.WriteFile(s.outside("reviewer"), []byte(w.cluster.JWT("reviewer", true)), 0o600))
	script, err := os.ReadFile(files + "vault-setup.sh")
	must(t, err)
	env := map[string]string{
		"VAULT_ADDR": w.URL, "VAULT_TOKEN": w.server.RootToken(),
		"GITHUB_ISSUER": w.github.URL, "GITLAB_ISSUER": w.gitlab.URL,
		"KUBERNETES_HOST": config["kubernetes_host"].(string), "KUBERNETES_CA_CERT": s.outside("ca.crt"), "TOKEN_REVIEWER_JWT": s.outside("reviewer"),
	}
	for range 2 { // again is fine
		if status, printed := s.shell(t, s.workspace, string(script), env); status != 0 {
			t.Fatalf("vault-setup.sh exited with %d:\n%s", status, printed)
		}
	}
	w.leaks(t, "an argument", s.arguments(t))
}

// TestSetup compares the policies that the set-up stores with the committed ones.
func TestSetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, role := range []string{"reader", "monitor", "rotator"} {
		want, err := os.ReadFile(filepath.Join(root, "testdata/policies", role+".hcl"))
		must(t, err)
		got, err := w.root.Sys().GetPolicyWithContext(t.Context(), "goblin-"+role)
		must(t, err)
		if got != string(want) {
			t.Errorf("goblin-%s is not the %s's policy:\n%s", role, role, got)
		}
	}
	policies, err := w.root.Sys().ListPoliciesWithContext(t.Context())
	must(t, err)
	if want := []string{"default", "goblin-monitor", "goblin-reader", "goblin-rotator", "root"}; !slices.Equal(policies, want) {
		t.Errorf("there are the policies %v, want %v", policies, want)
	}
}

package vaultkit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

// A fix writes a policy for the token, and takes nothing from others that have a
// policy of the token's too: one that only sounds like ours is somebody else's, and
// what is narrowed has a name of its own.
func TestDiagnoseWritesNobodyElsesPolicy(t *testing.T) {
	p := store(t, oldSecret)
	own := strings.ToLower(p)
	elsewhere := []vaultkit.Option{vaultkit.WithMount(mounted(t, "kv", map[string]string{"version": "2"})), vaultkit.WithBasePath("other/base")}
	for name, tc := range map[string]struct {
		held      string // by the token
		providers []string
		opts      []vaultkit.Option
		written   string
		attach    bool
	}{
		"the README's":       {"goblin-rotator", nil, nil, "goblin-rotator", false},
		"the role's":         {"rotator", nil, nil, "rotator", false},
		"another team's":     {"team-rotator", nil, nil, "goblin-rotator", true},
		"another of ours":    {"not-goblin-rotator", nil, nil, "goblin-rotator", true},
		"shared":             {"goblin-rotator", []string{p}, nil, "goblin-rotator-" + own, true},
		"shared, of a role":  {"rotator", []string{p}, nil, "goblin-rotator-" + own, true},
		"narrowed already":   {"goblin-rotator-" + own, []string{p}, nil, "goblin-rotator-" + own, false},
		"two providers":      {"goblin-rotator", []string{p, "q"}, nil, "goblin-rotator-" + own + "-q", true},
		"another base path":  {"goblin-rotator", nil, elsewhere[1:], "goblin-rotator-other-base", true},
		"another mount, too": {"goblin-rotator", nil, elsewhere, "-other-base", true},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(t, vaultkit.RoleRecoverer) + `path "sick/*" { capabilities = ["list"] }`
			if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), tc.held, policy); err != nil {
				t.Fatal(err)
			}
			token := tokenWith(t, api.TokenCreateRequest{Policies: []string{tc.held}})
			query := vaultkit.DiagnoseQuery{Providers: tc.providers, Roles: []vaultkit.Role{vaultkit.RoleRotator}}
			found := patient{query, append(tc.opts, vaultkit.WithToken(token))}.diagnose(t)["rights:rotator"]
			narrowed, written, _ := strings.Cut(strings.TrimSuffix(found.Fix, " -"), " | vault policy write ")
			if !strings.HasSuffix(written, tc.written) || tc.opts == nil && written != tc.written || tc.opts != nil && written == "goblin-rotator" {
				t.Errorf("fix %q, want one that writes %s", found.Fix, tc.written)
			}
			if got := strings.Contains(found.Detail, "give it to the token's role too"); got != tc.attach {
				t.Errorf("found %+v", found)
			}
			if strings.Count(narrowed, " --provider ") != len(tc.providers) || (tc.opts != nil) != strings.HasSuffix(narrowed, " --base other/base") {
				t.Errorf("fix %q", found.Fix)
			}
		})
	}
}

// A policy needs no Vault: of the flags for a vaultkit command, its fix has those
// that say where the keys are.
func TestDiagnosePolicyNeedsNoLogin(t *testing.T) {
	args := " --address " + vaulttest.Server().Addr() + " --token-file '/no where' --mount secret"
	found := holding(policyOf(t, vaultkit.RoleMonitor), vaultkit.DiagnoseQuery{Args: args})(t).diagnose(t)
	symptom{"rights:reader", fails, vaultkit.ErrPermissionDenied, "", "vaultkit policy reader --mount secret | vault policy write goblin-reader -"}.shows(t, found)
}

// vaultCommand is a vault CLI that prints a token, or fails before it can.
func vaultCommand(t *testing.T, script string) (path string) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "vault"), "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(filepath.Join(dir, "vault"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return dir + ":" + os.Getenv("PATH")
}

// A new token takes the place of the old one when there is one, and not before.
func TestDiagnoseFixesKeepWhatIsThere(t *testing.T) {
	const old, fresh = "fake-old", "fake-new"
	for script, want := range map[string]string{"echo " + fresh: fresh, "exit 1": old} {
		file := filepath.Join(t.TempDir(), "it's a token")
		writeFile(t, file, old)
		inFile := with(vaultkit.WithToken(vaultkit.File(file)))(t).diagnose(t)["login"].Fix
		inVariable := with(variables("VAULT_TOKEN=" + old))(t).diagnose(t)["login"].Fix
		for fix, show := range map[string]string{inFile: `cat "$FILE"`, inVariable: `sh -c 'echo "$VAULT_TOKEN"'`} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", fix+"\n"+show) //nolint:gosec // what a person would paste
			cmd.Env = append(os.Environ(), "PATH="+vaultCommand(t, script), "FILE="+file, "VAULT_TOKEN="+old)
			out, err := cmd.Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("vault does %q, then %q leaves %q, %v; want %q", script, fix, got, err, want)
			}
		}
		about, err := os.Stat(file)
		if err != nil || about.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", about.Mode(), err)
		}
	}
}

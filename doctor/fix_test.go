package doctor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// A fix that writes a policy takes no right from other tokens. It does not overwrite a policy of
// another team, even if its name is similar, and a narrowed policy gets a name of its own. For a token
// with rights over every provider, the fix narrows nothing: where both policies name a path, Vault
// applies only the narrowed one.
func TestDiagnose_WritesOnlyItsOwnPolicies(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	name := func(opts ...policy.Option) string {
		name, err := policy.Name(policy.Rotator, opts...)
		if err != nil {
			t.Fatalf("policy.Name = %v, want no error", err)
		}
		return name
	}
	own := name(policy.OnlyProviders(p))
	general, narrowed := clienttest.Policy(t, policy.Recoverer), clienttest.Policy(t, policy.Recoverer, policy.OnlyProviders(p))
	mount := vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})
	elsewhere := []vaultkit.Option{vaultkit.WithMount(mount), vaultkit.WithBasePath("other/base")}
	for name, tc := range map[string]struct {
		held, policy string // by the token
		providers    []string
		opts         []vaultkit.Option
		written      string // its name
		flags        int    // --provider
		given        bool
	}{
		"the documented name": {"vaultkit-rotator", general, nil, nil, "vaultkit-rotator", 0, false},
		"the role's":          {"rotator", general, nil, nil, "rotator", 0, false},
		"another team's":      {"team-rotator", general, nil, nil, "vaultkit-rotator", 0, true},
		"another of ours":     {"not-vaultkit-rotator", general, nil, nil, "vaultkit-rotator", 0, true},
		"shared":              {"vaultkit-rotator", general, []string{p}, nil, "vaultkit-rotator", 0, false},
		"shared, of a role":   {"rotator", general, []string{p}, nil, "rotator", 0, false},
		"narrowed":            {"team-rotator", narrowed, []string{p}, nil, own, 1, true},
		"narrowed already":    {own, narrowed, []string{p}, nil, own, 1, false},
		"two providers":       {own, narrowed, []string{p, "q"}, nil, name(policy.OnlyProviders(p, "q")), 2, true},
		"another base path":   {"vaultkit-rotator", general, nil, elsewhere[1:], name(policy.AtBasePath("other/base")), 0, true},
		"another mount, too":  {"vaultkit-rotator", general, nil, elsewhere, name(policy.AtMount(mount), policy.AtBasePath("other/base")), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := vaulttest.Root(t).Sys().PutPolicyWithContext(t.Context(), tc.held,
				tc.policy+`path "engines/*" { capabilities = ["list"] }`); err != nil {
				t.Fatalf("PutPolicyWithContext = %v, want no error", err)
			}
			token := tokenWith(t, api.TokenCreateRequest{Policies: []string{tc.held}})
			query := doctor.Query{Providers: tc.providers, Roles: []policy.Role{policy.Rotator}}
			found := diagnosis{query: query, opts: append(tc.opts, vaultkit.WithToken(token))}.findings(t)["rights:rotator"]
			line, give, _ := strings.Cut(found.Fix, " && ")
			if written := policyOf(t, line); written != tc.written {
				t.Errorf("Diagnose yielded the fix %q, want one that writes %s", found.Fix, tc.written)
			}
			if strings.Contains(give, "-policy="+tc.written) != tc.given || strings.Contains(found.Detail, "the fix makes a new token") != tc.given {
				t.Errorf("Diagnose yielded %+v, want a new token with the policy: %t", found, tc.given)
			}
			if strings.Count(line, " --provider ") != tc.flags || (tc.opts != nil) != strings.Contains(line, " --base other/base") {
				t.Errorf("Diagnose yielded the fix %q, want %d times --provider", found.Fix, tc.flags)
			}
		})
	}
}

// policyOf returns the name of the policy that a command writes.
func policyOf(t *testing.T, line string) (name string) {
	t.Helper()
	if _, rest, ok := strings.Cut(line, " | vault policy write "); ok {
		return strings.TrimSuffix(rest, " -")
	}
	var opts []policy.Option
	var providers []string
	words := strings.Fields(strings.TrimPrefix(line, "vaultkit setup --policy rotator"))
	for i := 0; i+1 < len(words); i += 2 {
		switch value := words[i+1]; words[i] {
		case "--provider":
			providers = append(providers, value)
		case "--mount":
			opts = append(opts, policy.AtMount(value))
		case "--base":
			opts = append(opts, policy.AtBasePath(value))
		}
	}
	if providers != nil {
		opts = append(opts, policy.OnlyProviders(providers...))
	}
	name, err := policy.Name(policy.Rotator, opts...)
	if err != nil {
		t.Fatalf("policy.Name = %v, want no error", err)
	}
	return name
}

// An administrator runs "vaultkit setup". So of the flags in Query.Args, its fix has only those that
// say where Vault is.
func TestDiagnose_SetupHasNoFlagOfTheLogin(t *testing.T) {
	args := " --address " + vaulttest.Server().Addr() + " --token-file '/no where' --mount secret"
	found := withTokenOf(clienttest.Policy(t, policy.Monitor), doctor.Query{Args: args})(t).findings(t)
	expected{"rights:reader", fails, vaultkit.ErrPermissionDenied, "",
		"vaultkit setup --policy reader --address " + vaulttest.Server().Addr() + " --mount secret --yes && vault token create"}.compare(t, found)
}

// vaultStub returns a PATH with a vault command that runs the script.
func vaultStub(t *testing.T, script string) (path string) {
	t.Helper()
	dir := t.TempDir()
	vaulttest.WriteFile(t, filepath.Join(dir, "vault"), "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(filepath.Join(dir, "vault"), 0o700); err != nil { //nolint:gosec // the test runs it
		t.Fatalf("os.Chmod = %v, want no error", err)
	}
	return dir + ":" + os.Getenv("PATH")
}

// A fix replaces a token only after it has a new one.
func TestDiagnose_FixesKeepTheOldTokenUntilThereIsANewOne(t *testing.T) {
	const old, fresh = "fake-old", "fake-new"
	for script, want := range map[string]string{"echo " + fresh: fresh, "exit 1": old} {
		file := filepath.Join(t.TempDir(), "it's a token")
		vaulttest.WriteFile(t, file, old)
		inFile := withOptions(vaultkit.WithToken(vaultkit.FromFile(file)))(t).findings(t)["login"].Fix
		inVariable := withOptions(variables("VAULT_TOKEN=" + old))(t).findings(t)["login"].Fix
		for fix, show := range map[string]string{inFile: `cat "$FILE"`, inVariable: `sh -c 'echo "$VAULT_TOKEN"'`} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", fix+"\n"+show) //nolint:gosec // a user would paste it
			cmd.Env = append(os.Environ(), "PATH="+vaultStub(t, script), "FILE="+file, "VAULT_TOKEN="+old)
			out, err := cmd.Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("with the vault command %q, the fix %q left %q, %v, want %q", script, fix, got, err, want)
			}
		}
		about, err := os.Stat(file)
		if err != nil || about.Mode().Perm() != 0o600 {
			t.Errorf("os.Stat of the token's file = %v, %v, want mode 0600", about, err)
		}
	}
}

// What vaultkit setup makes, it also restores.
func TestDiagnose_NamesSetupWhereItIsTheCure(t *testing.T) {
	for name, tc := range map[string]struct {
		arrange func(t *testing.T) setUp
		want    string
	}{
		"a drifted policy":  {outdatedPolicy, "vaultkit setup --policy janitor --yes"},
		"a drifted AppRole": {driftedRole, "vaultkit setup --approle monitor --approle-path "},
		"a job that may not rotate": {jobWithoutRole((*vaulttest.Issuer).StaticConfig, policy.Rotator, object{
			"repository": "goblin/assistant", "repository_id": "1001", "ref": "refs/heads/main", "event_name": "push",
			"workflow_ref": "goblin/assistant/.github/workflows/keys.yml@refs/heads/main"}), "vault list auth/"},
		"a branch that is not protected": {jobWithoutRole((*vaulttest.Issuer).StaticConfig, policy.Monitor, object{
			"project_path": "goblin/assistant", "project_id": "2002", "ref_type": "branch", "ref": "x", "ref_protected": "false",
			"pipeline_source": "schedule"}), "vault list auth/"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tc.arrange(t)
			if got := s.findings(t)[s.check]; !strings.HasPrefix(got.Fix, tc.want) {
				t.Errorf("Diagnose yielded %+v, want the fix %s", got, tc.want)
			}
		})
	}
}

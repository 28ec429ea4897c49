package doctor_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// missingRoles are set-ups with a pod or a job whose role does not exist.
var missingRoles = setUps{
	"pod": func(t *testing.T) setUp {
		cluster, name := vaulttest.NewCluster(), mountAuth(t, "kubernetes")
		t.Cleanup(cluster.Close)
		vaulttest.Write(t, vaulttest.Root(t), "auth/"+name+"/config", cluster.Config())
		jwt := filepath.Join(t.TempDir(), "jwt")
		vaulttest.WriteFile(t, jwt, cluster.JWT(name, true))
		return found("login", vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "vaultkit-reader", JWTFile: jwt, Mount: name}))(t)
	},
	"job": jobWithoutRole((*vaulttest.Issuer).StaticConfig, policy.Reader, object{"sub": "job 1", "aud": "https://vault.example.com"}),
	"job of GitHub, monitor": jobWithoutRole((*vaulttest.Issuer).StaticConfig, policy.Monitor, object{
		"repository": "goblin/assistant", "repository_id": "1001", "ref": "refs/heads/main", "event_name": "schedule",
		"workflow_ref": "goblin/assistant/.github/workflows/keys.yml@refs/heads/main"}),
	"job of GitHub, rotator": jobWithoutRole((*vaulttest.Issuer).StaticConfig, policy.Rotator, object{
		"repository": "goblin/assistant", "repository_id": "1001", "ref": "refs/heads/release", "event_name": "workflow_dispatch",
		"workflow_ref": "goblin/assistant/.github/workflows/keys.yml@refs/heads/release", "environment": "live"}),
	"job of GitLab": jobWithoutRole((*vaulttest.Issuer).StaticConfig, policy.Rotator, object{
		"project_path": "goblin/assistant", "project_id": "2002", "ref_type": "branch", "ref": "main", "ref_protected": "true",
		"pipeline_source": "web", "environment": "live", "environment_protected": "false"}),
	"job, no configuration": func(t *testing.T) setUp {
		short.RealOnly(t, "a Vault that gets the issuer's keys")
		return jobWithoutRole(func(*vaulttest.Issuer) map[string]any { return nil }, policy.Reader, nil)(t)
	},
}

// jobWithoutRole returns a set-up with a job whose role vaultkit-<role> does not exist. Without a
// configuration, nor does the auth mount.
func jobWithoutRole(config func(*vaulttest.Issuer) map[string]any, role policy.Role, claims object) func(*testing.T) setUp {
	return func(t *testing.T) setUp {
		issuer := newIssuer(t)
		mount, flags := "nowhere-"+strings.ToLower(vaulttest.Name(t)), ""
		if config == nil {
			short.RealOnly(t, "a Vault that gets the issuer's keys")
		} else {
			mount = mountAuth(t, "jwt")
			if settings := config(issuer); settings != nil {
				vaulttest.Write(t, vaulttest.Root(t), "auth/"+mount+"/config", settings)
				key := filepath.Join(t.TempDir(), "key.pem") // which Vault has, and does not get from the issuer
				vaulttest.WriteFile(t, key, settings["jwt_validation_pubkeys"].(string))
				flags = " --issuer-key " + key
			}
		}
		all := object{"aud": "vault"}
		for name, value := range claims {
			all[name] = value
		}
		login := vaultkit.WithJWT(vaultkit.JWT{Role: "vaultkit-" + string(role), Mount: mount, Token: vaultkit.FromString(issuer.Sign(all))})
		return setUp{diagnosis: diagnosis{query: doctor.Query{Roles: []policy.Role{role}}, opts: []vaultkit.Option{login}}, check: "login", planFlags: flags}
	}
}

// planValues are what an administrator writes in place of the placeholders, besides the issuer.
var planValues = map[string][]string{
	"pod":                    {"NAMESPACE/ACCOUNT", "fake-ns/fake-sa"},
	"job":                    {"CLAIM=VALUE", "'sub=job 1'", "AUDIENCE", "https://vault.example.com"},
	"job of GitHub, monitor": {"BRANCH", "main"},
	"job of GitHub, rotator": {"BRANCH", "release"},
	"job of GitLab":          {"BRANCH", "main", "NUMBER", "2002", "ENVIRONMENT", "live --gitlab-free"},
	"job, no configuration":  {"CLAIM=VALUE", "'sub=a job'"},
}

// planDefaults are the values that most of them share.
var planDefaults = []string{"OWNER/REPO", "goblin/assistant", "GROUP/PROJECT", "goblin/assistant", "NUMBER", "1001",
	"FILE", ".github/workflows/keys.yml", "ENVIRONMENT", "live", "AUDIENCE", "vault", "--dry-run", "--yes"}

var shownIssuer = regexp.MustCompile(`iss "([^"]+)"`)

// The command that plans the role of a pod or a job changes nothing and has no claim of the JWT,
// whose signature nobody has verified. With the project's own values, it makes the role.
func TestDiagnose_PlansAMissingRole(t *testing.T) {
	tools := fixTools(t)
	for name, arrange := range missingRoles {
		t.Run(name, func(t *testing.T) {
			s := arrange(t)
			got := s.run(t)[s.check]
			if got.kind != checks.PlanLoginRole || !got.LookOnly || !strings.HasSuffix(got.Fix, " --dry-run") || strings.Contains(got.Fix, "--yes") ||
				!strings.Contains(got.Detail, "the JWT's claims are not verified") {
				t.Fatalf("Diagnose yielded %+v, want a dry run, and claims that are not verified", got)
			}
			issuer := append(shownIssuer.FindStringSubmatch(got.Detail), "", "")[1] // a pod's is not in its plan
			fix := strings.NewReplacer(slices.Concat(planValues[name], planDefaults, []string{"ISSUER", issuer})...).Replace(got.Fix) + s.planFlags
			if after := s.findingsAfter(t, s.runFix(t, tools, fix), fix)[s.check]; after.Status != fine {
				t.Errorf("after %q, Diagnose yielded %+v, want ok", fix, after)
			}
		})
	}
}

// Whoever wrote the JWT may have chosen its claims. So no claim is in a command, and the detail shows
// them quoted and escaped.
func TestDiagnose_PutsNoClaimOfAJWTIntoACommand(t *testing.T) {
	t.Parallel()
	stranger := newIssuer(t)
	hostile := object{"iss": "https://evil.example/'; id #", "sub": "evil \x1b[2J", "aud": "evil-audience", "repository": "evil/repo", "repository_id": "666",
		"ref": "refs/heads/evil", "workflow_ref": "evil/repo/evil.yml@refs/heads/evil", "event_name": "workflow_dispatch", "environment": "evil $(id)"}
	for name, mount := range map[string]string{"no role": mountJWT(t, newIssuer(t).StaticConfig(), nil), "no mount": "nowhere"} {
		login := vaultkit.WithJWT(vaultkit.JWT{Role: "vaultkit-rotator", Mount: mount, Token: vaultkit.FromString(stranger.Sign(hostile))})
		got := diagnosis{query: doctor.Query{Roles: []policy.Role{policy.Rotator}}, opts: []vaultkit.Option{login}}.findings(t)["login"]
		command, observed, _ := strings.Cut(got.Detail, "; replace the words in capitals")
		if !got.LookOnly || strings.Contains(got.Fix+command, "evil") || !strings.Contains(observed, `sub "evil \x1b[2J"`) ||
			!strings.Contains(observed, "not verified") {
			t.Errorf("with %s, Diagnose yielded %+v, want a fix that only looks, and the claims in the detail only", name, got)
		}
	}
}

// What vaultkit setup makes has the policy of its role alone, and setup takes another policy away. So
// no fix adds one to such a role.
func TestDiagnose_AddsNoPolicyToARoleOfSetup(t *testing.T) {
	reader := func(t *testing.T, mount string, more object) { // a role of the auth mount
		role := withPolicy(t, nil, nil)
		maps.Copy(role, more)
		vaulttest.Write(t, vaulttest.Root(t), "auth/"+mount+"/role/vaultkit-reader", role)
	}
	for name, tc := range map[string]struct {
		login  func(t *testing.T, mount string) vaultkit.Option
		method string
		says   []string
	}{
		"AppRole": {func(t *testing.T, mount string) vaultkit.Option {
			reader(t, mount, nil)
			return byRole(idsOf(t, mount, "vaultkit-reader"))
		}, "approle", []string{"; this login is a reader's (vaultkit-reader); for the rights of a monitor, log in as vaultkit-monitor: " +
			"an administrator runs: vaultkit setup --approle monitor --new-secret-id --approle-path ",
			", which prints VAULT_ROLE_ID and VAULTKIT_WRAPPED_SECRET_ID"}},
		"pod": {func(t *testing.T, mount string) vaultkit.Option {
			cluster, jwt := vaulttest.NewCluster(), filepath.Join(t.TempDir(), "jwt")
			t.Cleanup(cluster.Close)
			vaulttest.Write(t, vaulttest.Root(t), "auth/"+mount+"/config", cluster.Config())
			vaulttest.WriteFile(t, jwt, cluster.JWT(mount, true))
			role := cluster.Role("")
			delete(role, "token_policies")
			reader(t, mount, role)
			return vaultkit.WithKubernetes(vaultkit.Kubernetes{Role: "vaultkit-reader", JWTFile: jwt, Mount: mount})
		}, "kubernetes", []string{"VAULTKIT_KUBERNETES_ROLE=vaultkit-monitor", "vaultkit setup --kubernetes monitor=NAMESPACE/ACCOUNT "}},
		"job": {func(t *testing.T, mount string) vaultkit.Option {
			issuer := newIssuer(t)
			vaulttest.Write(t, vaulttest.Root(t), "auth/"+mount+"/config", issuer.StaticConfig())
			reader(t, mount, object{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault"})
			token := vaultkit.FromString(issuer.Sign(object{"aud": "vault", "repository_id": "1001"}))
			return vaultkit.WithJWT(vaultkit.JWT{Role: "vaultkit-reader", Mount: mount, Token: token})
		}, "jwt", []string{"VAULTKIT_JWT_ROLE=vaultkit-monitor", "vaultkit setup --github OWNER/REPO ", "--ci-role monitor"}},
	} {
		t.Run(name, func(t *testing.T) {
			login := tc.login(t, mountAuth(t, tc.method))
			got := diagnosis{query: doctor.Query{Roles: []policy.Role{policy.Monitor}}, opts: []vaultkit.Option{login}}.run(t)["rights:monitor"]
			if got.kind != checks.AskForRole || !strings.HasPrefix(got.Fix, "vaultkit doctor --role reader") || got.Status != fails {
				t.Errorf("Diagnose yielded %+v, want a failure and the fix vaultkit doctor --role reader", got)
			}
			for _, text := range tc.says {
				if !strings.Contains(got.Detail, text) {
					t.Errorf("Diagnose yielded %+v, want %q in the detail", got, text)
				}
			}
			vaulttest.PutProvider(t, clienttest.OldSecret)
			found := diagnosis{opts: []vaultkit.Option{login}}.findings(t)
			for _, check := range []string{"deletion", "pending"} {
				if got := found[check]; got.Status != skips || got.Detail != "a reader may not look: use a monitor's token" || got.Fix != "" {
					t.Errorf("for a reader, Diagnose yielded %+v, want it skipped, without a fix", got)
				}
			}
		})
	}
}

// Nor does the fix for a token that cannot query its capabilities.
func TestDiagnose_AddsNoDefaultPolicyToARoleOfSetup(t *testing.T) {
	mount := mountAuth(t, "approle")
	vaulttest.Write(t, vaulttest.Root(t), "auth/"+mount+"/role/vaultkit-reader",
		withPolicy(t, object{"token_no_default_policy": true}, []clienttest.Right{{Path: "sys/capabilities-self", Capability: "update"}}))
	got := diagnosis{opts: []vaultkit.Option{byRole(idsOf(t, mount, "vaultkit-reader"))}}.run(t)["rights:reader"]
	if got.kind != checks.ReadOwnPolicies || got.Status != skips {
		t.Errorf("Diagnose yielded %+v, want a fix that reads the token's policies", got)
	}
}

package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/command/setup"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/policy"
)

// work is what each role may do: the exit code of a command, which is not 0 where the role may not.
// x: may, .: may not.
var work = []struct{ may, command string }{
	// reader
	// |monitor
	// ||provisioner
	// |||rotator
	// ||||recoverer
	// |||||revoker
	// ||||||janitor
	// |||||||auditor
	{"x..xxx..", "get openai"},
	{".x.xxxx.", "status openai"},
	{"..x.....", "put new api_key=@KEY"},
	{"...x....", "rotate openai --auto"},
	{"...xxxxx", "history openai"},
	{"......x.", "backups openai prune --keep 0 --older-than 1ns"},
}

// loggedIn checks that a login has the rights of its role and no others, and that its token has the
// role's policy alone and ends soon.
func (w *setupWorld) loggedIn(t *testing.T, role policy.Role, token string) {
	t.Helper()
	found, err := w.root.Auth().Token().LookupWithContext(t.Context(), token)
	if err != nil {
		t.Fatalf("LookupWithContext = %v, want no error", err)
	}
	policies, _ := found.TokenPolicies()
	ttl, _ := found.TokenTTL()
	renewable, _ := found.TokenIsRenewable()
	want := []string{"vaultkit-" + string(role)}
	if !slices.Equal(policies, want) || ttl > 10*time.Minute || !renewable || found.Data["type"] != "service" {
		t.Errorf("the token of the %s has the policies %v for %s, renewable: %t, type %v, want %v for 10m, a renewable service token",
			role, policies, ttl, renewable, found.Data["type"], want)
	}
	w.store(t)
	column := slices.Index(policy.Roles(), role)
	for _, one := range work {
		code := exitcode.OK
		if one.may[column] != 'x' {
			code = exitcode.Denied
		}
		args := strings.Fields(strings.ReplaceAll(one.command, "@KEY", "@"+file(t, newKey())))
		r := vkBare(t.Context(), t, "", append(args, "--address", w.proxy.URL(), "--token-file", file(t, token))...)
		if r.code != code {
			t.Errorf("vaultkit %s as a %s: exit code = %d, want %d (%s)", one.command, role, r.code, code, r.err)
		}
	}
}

// store stores a provider anew, with a backup and records of each kind, and removes what a
// provisioner stored.
func (w *setupWorld) store(t *testing.T) {
	t.Helper()
	kv := w.root.KVv2("secret")
	for _, name := range []string{"new", "openai"} {
		if err := kv.DeleteMetadata(t.Context(), "goblin-assistant/providers/"+name); err != nil {
			t.Fatalf("DeleteMetadata(%s) = %v, want no error", name, err)
		}
	}
	if _, err := kv.Put(t.Context(), "goblin-assistant/providers/openai", map[string]any{"api_key": newKey()}); err != nil {
		t.Fatalf("Put = %v, want no error", err)
	}
	vkBare(t.Context(), t, "", append([]string{"rotate", "openai", "--auto"}, w.flags...)...).ok(t)
}

// login sends a login and returns the token; empty: Vault refuses it.
func (w *setupWorld) login(t *testing.T, mount string, data map[string]any) (token string) {
	t.Helper()
	secret, err := w.root.Logical().WriteWithContext(t.Context(), "auth/"+mount+"/login", data)
	if err != nil {
		return ""
	}
	return secret.Auth.ClientToken
}

// Each AppRole logs in with what setup prints, and can do exactly the work of its role.
func TestSetup_AppRolesDoTheirWork(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	args := []string{"--yes", "--json"}
	for _, role := range policy.Roles() {
		args = append(args, "--approle", string(role))
	}
	made := decode[setup.Result](t, w.setup(t, args...).ok(t), true)
	for _, c := range made.Credentials {
		role := policy.Role(strings.TrimPrefix(c.AppRole, "vaultkit-"))
		unwrapped, err := w.root.Logical().UnwrapWithContext(t.Context(), c.WrappedSecretID)
		if err != nil {
			t.Fatalf("UnwrapWithContext = %v, want no error", err)
		}
		id := map[string]any{"role_id": c.RoleID, "secret_id": unwrapped.Data["secret_id"]}
		w.loggedIn(t, role, w.login(t, "approle", id))
		if again := w.login(t, "approle", id) != ""; again != (role == policy.Reader) {
			t.Errorf("a second login as a %s with the same secret id works: %t, want that only of a reader's", role, again)
		}
	}
	if len(made.Credentials) != len(policy.Roles()) {
		t.Errorf("vaultkit setup made %d secret ids, want one for each role", len(made.Credentials))
	}
}

// The variables that setup prints are enough for a rotation.
func TestSetup_PrintedVariablesLogIn(t *testing.T) {
	w := newSetupWorld(t)
	printed := w.setup(t, "--approle", "rotator", "--approle-path", "team/approle", "--yes").ok(t)
	w.store(t)
	for line := range strings.Lines(printed) {
		if export, ok := strings.CutPrefix(line, "  export "); ok {
			name, value, _ := strings.Cut(strings.TrimSpace(export), "=")
			t.Setenv(name, value)
		}
	}
	vkBare(t.Context(), t, newKey(), "rotate", "openai", "--new-key-stdin", "--address", w.proxy.URL()).shows(t, "Rotated openai")
}

// Pods log in with the accounts that setup bound, and with no others.
func TestSetup_PodsDoTheirWork(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	w.setup(t, append(w.pods("reader=fake-ns/fake-sa", "reader=fake-ns/other-sa", "monitor=jobs/status"), "--yes")...).shows(t,
		"To log in as vaultkit-reader: VAULTKIT_AUTH=kubernetes VAULTKIT_KUBERNETES_ROLE=vaultkit-reader VAULTKIT_KUBERNETES_MOUNT=kubernetes\n")
	login := func(role policy.Role, namespace, account string) string {
		return w.login(t, "kubernetes", map[string]any{"role": "vaultkit-" + string(role), "jwt": w.podToken(namespace, account)})
	}
	w.loggedIn(t, policy.Reader, login(policy.Reader, "fake-ns", "other-sa"))
	w.loggedIn(t, policy.Monitor, login(policy.Monitor, "jobs", "status"))
	for _, one := range [][2]string{{"fake-ns", "third-sa"}, {"jobs", "fake-sa"}, {"jobs", "status"}} {
		if login(policy.Reader, one[0], one[1]) != "" {
			t.Errorf("a pod of %s/%s logs in as a reader, want no login", one[0], one[1])
		}
	}
}

// jobClaims are the claims of a GitHub job that a person started in the protected environment, and
// of a GitLab one.
var jobClaims = map[string]map[string]any{
	"github": {
		"repository": "goblin/assistant", "repository_id": "1001", "ref": "refs/heads/main", "environment": "production",
		"workflow_ref": "goblin/assistant/.github/workflows/github-rotate.yml@refs/heads/main", "event_name": "workflow_dispatch",
	},
	"gitlab": {
		"project_path": "goblin/assistant", "project_id": "2002", "ref_type": "branch", "ref": "main", "ref_protected": "true",
		"pipeline_source": "web", "environment": "production", "environment_protected": "true",
	},
}

// Jobs get a role if all of their claims are right, and not otherwise. A nightly job may monitor and
// revoke; a person's may monitor (on GitHub) and rotate.
func TestSetup_JobsDoTheirWork(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	w.setup(t, append(w.github(), "--yes")...).shows(t,
		"To log in as vaultkit-rotator: VAULTKIT_AUTH=jwt VAULTKIT_JWT_ROLE=vaultkit-rotator VAULTKIT_JWT_MOUNT=jwt-github\n")
	w.setup(t, "--gitlab", "goblin/assistant", "--gitlab-id", "2002", "--gitlab-issuer", issuerURL, "--issuer-key", w.key, "--yes").ok(t)
	for _, tc := range []struct {
		site, changes string // of the claims
		may           string // of monitor, rotator, revoker
	}{
		{"github", "", "xx."},
		{"github", "event_name=schedule", "x.x"},
		{"github", "event_name=push", "..."},
		{"github", "event_name=pull_request", "..."},
		{"github", "environment=staging", "x.."},
		{"github", "environment=", "x.."},
		{"github", "repository=goblin/fork", "..."},
		{"github", "repository_id=1002", "..."},
		{"github", "ref=refs/heads/feature", "..."},
		{"github", "ref=refs/tags/main", "..."},
		{"github", "event_name=schedule workflow_ref=goblin/assistant/.github/workflows/other.yml@refs/heads/main", "..."},
		{"github", "aud=other", "..."},
		{"github", "iss=https://other.example.invalid", "..."},
		{"gitlab", "", ".x."},
		{"gitlab", "pipeline_source=schedule", "x.x"},
		{"gitlab", "pipeline_source=push", "..."},
		{"gitlab", "environment_protected=false", "..."},
		{"gitlab", "environment=staging", "..."},
		{"gitlab", "project_path=goblin/fork", "..."},
		{"gitlab", "project_id=2003", "..."},
		{"gitlab", "pipeline_source=schedule ref_protected=false", "..."},
		{"gitlab", "pipeline_source=schedule ref=feature", "..."},
		{"gitlab", "pipeline_source=schedule ref_type=tag", "..."},
	} {
		claims := maps.Clone(jobClaims[tc.site])
		for change := range strings.FieldsSeq(tc.changes) {
			name, value, _ := strings.Cut(change, "=")
			if claims[name] = value; value == "" {
				delete(claims, name)
			}
		}
		for i, role := range []policy.Role{policy.Monitor, policy.Rotator, policy.Revoker} {
			token := w.login(t, "jwt-"+tc.site, map[string]any{"role": "vaultkit-" + string(role), "jwt": w.issuer.sign(t, claims)})
			if got := token != ""; got != (tc.may[i] == 'x') {
				t.Errorf("a job of %s with %q logs in as a %s: %t, want %t", tc.site, tc.changes, role, got, !got)
			}
			if token != "" && tc.site == "github" {
				w.loggedIn(t, role, token)
			}
		}
	}
}

// A job of another issuer gets its role with the claims that the flags bind.
func TestSetup_JobsOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	w := newSetupWorld(t)
	w.setup(t, "--jwt", "auditor", "--issuer", issuerURL, "--issuer-key", w.key, "--jwt-path", "ci", "--user-claim", "job", "--audience", "us",
		"--bound-claim", "project=goblin", "--bound-claim", "project=other", "--bound-claim", "kind=nightly, weekly", "--yes").ok(t)
	for _, tc := range []struct {
		project, kind string
		may           bool
	}{
		{"goblin", "nightly, weekly", true}, {"other", "nightly, weekly", true},
		{"third", "nightly, weekly", false}, {"goblin", "nightly", false},
	} {
		jwt := w.issuer.sign(t, map[string]any{"aud": "us", "job": "one", "project": tc.project, "kind": tc.kind})
		token := w.login(t, "ci", map[string]any{"role": "vaultkit-auditor", "jwt": jwt})
		if (token != "") != tc.may {
			t.Errorf("a job of the project %s, %s, logs in: %t, want %t", tc.project, tc.kind, token != "", tc.may)
		}
		if token != "" {
			w.loggedIn(t, policy.Auditor, token)
		}
	}
}

package pipelinetest

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestGitHubRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotate := newRun(t, w, "rotate", map[string]string{"provider": provider, "reason": "quarterly"})
	rotate.execute(t)
	if rotate.status != 0 {
		t.Fatalf("the job rotate ends with %d, want 0: %v", rotate.status, rotate.printed)
	}
	rotate.assertStarted(t, "vaultkit", "rotate --provider "+provider+" --new-key-stdin --expires-in")
	w.assertRestricted(t, "vaultkit-rotator")
	w.assertKey(t, newKey)
	w.assertRecorded(t, "fake-person", "quarterly, "+runURL)
	w.assertLoggedOut(t, 2)

	backup := path.Base(w.records(t)[0]["backup"].(string))
	rollback := newRun(t, w, "rollback", map[string]string{"provider": provider, "backup": backup, "reason": "errors"})
	rollback.execute(t)
	rollback.assertStarted(t, "vaultkit", "rollback --to "+backup+" ")
	if rollback.status != 0 {
		t.Fatalf("the job rollback ends with %d, want 0: %v", rollback.status, rollback.printed)
	}
	w.assertKey(t, oldKey)
	w.assertRolledBack(t, "fake-person", "errors, "+runURL)
	w.assertLoggedOut(t, 3)
}

// TestGitHubUndetermined refuses the audit record until the job recovers.
func TestGitHubUndetermined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
	logins := 0
	r.before = map[string]func(){"Rotate": func() {
		w.refusing(func(r *http.Request) bool {
			if isLogin(r) {
				logins++ // the second recovers
			}
			return logins < 2 && r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/rotations/")
		})
	}}
	r.execute(t)
	if r.status != 0 || !strings.Contains(r.printed["Rotate"], "vaultkit recover") || logins != 3 {
		t.Errorf("the job ends with %d after %d runs of vaultkit, want 0 after 3 and the advice to recover:\n%s",
			r.status, logins, r.printed["Rotate"])
	}
	w.assertKey(t, newKey)
	w.assertRecorded(t, "fake-person", runURL)
	w.assertLoggedOut(t, 4)
}

func TestGitHubRotateFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inputs map[string]string
		script string // instead of try-key.sh
		failed string // the step
		status int
		tells  string
		runs   int // of vaultkit that log in
	}{
		"no such provider":   {map[string]string{"provider": "nobody"}, "", "Check that the provider can be rotated", 4, "nobody", 1},
		"no provider":        {nil, "", "Check that the provider can be rotated", 2, "no provider", 0},
		"a flag":             {map[string]string{"provider": "--auto"}, "", "Check that the provider can be rotated", 2, "", 1},
		"code as a provider": {map[string]string{"provider": "$(exit 0); x"}, "", "Check that the provider can be rotated", 2, "", 1},
		"the key is no good": {map[string]string{"provider": provider}, "exit 1", "Rotate", 1,
			"::error::Did try-key.sh refuse the new key, above? Then revoke it", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := quickRun(t, w, "rotate", test.inputs)
			if test.script != "" {
				r.before = map[string]func(){"Rotate": func() { r.put(t, "scripts/try-key.sh", "#!/bin/sh\n"+test.script+"\n") }}
			}
			r.execute(t)
			_, created := r.outputs["steps.create.outputs.key"]
			if r.status != test.status || !strings.Contains(r.printed[test.failed], test.tells) || created != (test.failed == "Rotate") {
				t.Errorf("the job ends with %d, want %d and %q printed; it created a key: %t: %v",
					r.status, test.status, test.tells, created, r.printed)
			}
			w.assertKey(t, oldKey)
			w.assertLoggedOut(t, test.runs)
		})
	}
}

// TestGitHubAppRole rotates with an AppRole, as the comment at the top of the workflow says.
func TestGitHubAppRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
	r.job.Steps = slices.DeleteFunc(r.job.Steps, func(s step) bool {
		return strings.HasPrefix(s.Name, "Check that")
	})
	r.env = w.appRole(t)
	r.execute(t)
	if r.status != 0 {
		t.Errorf("the job ends with %d, want 0: %v", r.status, r.printed)
	}
	w.assertKey(t, newKey)
	w.assertRecorded(t, "fake-person", runURL)
	w.assertLoggedOut(t, 0)
}

// appRole makes an AppRole for rotating, and the two variables of its login.
func (w *world) appRole(t *testing.T) map[string]string {
	t.Helper()
	const role = "auth/approle/role/vaultkit-rotator"
	_, err := w.root.Logical().WriteWithContext(t.Context(), role, map[string]any{
		"token_policies": "vaultkit-rotator", "token_no_default_policy": true, "token_ttl": "10m", "secret_id_num_uses": 1,
	})
	must(t, err)
	id, err := w.root.Logical().ReadWithContext(t.Context(), role+"/role-id")
	must(t, err)
	w.root.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	defer w.root.SetWrappingLookupFunc(nil)
	secret, err := w.root.Logical().WriteWithContext(t.Context(), role+"/secret-id", nil)
	must(t, err)
	return map[string]string{"VAULTKIT_AUTH": "approle", "VAULT_ROLE_ID": id.Data["role_id"].(string), "VAULTKIT_WRAPPED_SECRET_ID": secret.WrapInfo.Token}
}

// TestGitHubStatus checks keys of different ages, with only the monitor's policy.
func TestGitHubStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for age, want := range map[string]int{"90d": 0, "1ms": 3} {
		r := newRun(t, w, "status", nil)
		if want == 0 {
			r.claims["event_name"] = "schedule"
		}
		r.env = map[string]string{"MAX_AGE": age}
		r.execute(t)
		w.assertRestricted(t, "vaultkit-monitor")
		if printed := r.printed["See which keys are due"]; r.status != want || !strings.Contains(printed, provider) {
			t.Errorf("with --max-age %s the job ends with %d, want %d and the provider printed: %v", age, r.status, want, r.printed)
		}
	}
	w.assertLoggedOut(t, 2)
	if flow := readWorkflow(t); flow.Jobs["status"].Env["MAX_AGE"] != "90d" || flow.Jobs["status"].If != "github.event_name == 'schedule' || inputs.action == 'status'" {
		t.Errorf("the job status has %v and runs if %q, want the documented age and condition", flow.Jobs["status"].Env, flow.Jobs["status"].If)
	}
}

// TestGitHubRevokeOld revokes the key that a rotation replaced, with only the revoker's policy.
func TestGitHubRevokeOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rotate(t)
	const step = "Revoke old keys"
	early := newRun(t, w, "revoke-old", nil)
	early.execute(t)
	if printed := early.printed[step]; early.status != 0 || early.revoked(t) != "" || !strings.Contains(printed, "Skipped "+provider+", version 1, id ") {
		t.Errorf("the job ends with %d and revokes %q, want 0 and nothing before a day has passed: %v", early.status, early.revoked(t), early.printed)
	}
	r := quickRun(t, w, "revoke-old", nil)
	r.env = map[string]string{"GRACE": "1ms"}
	r.execute(t)
	w.assertRevoked(t, r.sandbox, r.status, r.printed[step], workflowRef, runURL)
	w.assertRestricted(t, "vaultkit-revoker")
	w.assertLoggedOut(t, 2)
	w.assertKey(t, newKey)
	if j := readWorkflow(t).Jobs["revoke-old"]; j.Env["GRACE"] != "24h" || j.If != "github.event_name == 'schedule'" || j.Environment != "" {
		t.Errorf("the job revoke-old has %v and runs if %q, want the documented time and only the schedule", j.Env, j.If)
	}
}

// A claim of a job is altered by each of these, alone.
func otherClaims() map[string]func(r *githubRun) {
	set := func(claim string, value string) func(*githubRun) {
		return func(r *githubRun) { r.claims[claim] = value }
	}
	variable := func(name, value string) func(*githubRun) {
		return func(r *githubRun) { r.env = map[string]string{name: value} }
	}
	return map[string]func(r *githubRun){
		"another repository":     set("repository", "goblin/fork"),
		"another's old name":     set("repository_id", "1002"),
		"another workflow":       set("workflow_ref", "goblin/assistant/.github/workflows/test.yml@refs/heads/main"),
		"another's workflow":     set("workflow_ref", "goblin/fork/.github/workflows/github-rotate.yml@refs/heads/main"),
		"the workflow elsewhere": set("workflow_ref", "goblin/assistant/.github/workflows/github-rotate.yml@refs/heads/feature"),
		"another branch":         set("ref", "refs/heads/feature"),
		"a tag":                  set("ref", "refs/tags/main"),
		"a push":                 set("event_name", "push"),
		"a pull request":         set("event_name", "pull_request_target"),
		"another audience":       variable("VAULTKIT_JWT_AUDIENCE", "someone-else"),
		"another issuer's token": variable("VAULTKIT_JWT_MOUNT", "jwt-gitlab"),
	}
}

// TestGitHub_RefusesOtherJobs lets jobs log in of which one claim is another than the role's.
func TestGitHub_RefusesOtherJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := func(r *githubRun) { r.claims["event_name"] = "workflow_dispatch" }
	scheduled := func(r *githubRun) { r.claims["event_name"] = "schedule" }
	role := func(name string) func(r *githubRun) {
		return func(r *githubRun) { r.env = map[string]string{"VAULTKIT_JWT_ROLE": name} }
	}
	for job, own := range map[string]map[string]func(r *githubRun){
		"status": {"a rotator's role": role("vaultkit-rotator"), "a revoker's role by hand": role("vaultkit-revoker")},
		"rotate": {
			"another environment": func(r *githubRun) { r.claims["environment"] = "staging" },
			"no environment":      func(r *githubRun) { delete(r.claims, "environment") },
			"the schedule":        scheduled,
			"a revoker's role":    role("vaultkit-revoker"),
		},
		"revoke-old": {
			"a person": started,
			"a person, in the environment": func(r *githubRun) {
				started(r)
				r.claims["environment"] = "production"
			},
			"a rotator's role": role("vaultkit-rotator"),
		},
	} {
		all := otherClaims()
		maps.Copy(all, own)
		for name, change := range all {
			t.Run(job+", "+name, func(t *testing.T) {
				r := quickRun(t, w, job, map[string]string{"provider": provider})
				change(r)
				r.execute(t)
				_, created := r.printed["Create the new key at the issuer"]
				if r.status != 6 || created || r.revoked(t) != "" {
					t.Errorf("the job ends with %d, want 6 and no login: %v", r.status, r.printed)
				}
			})
		}
	}
	w.assertLoggedOut(t, 0)
	w.assertKey(t, oldKey)
}

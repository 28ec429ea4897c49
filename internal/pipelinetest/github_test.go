package pipelinetest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestGitHubRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotate := newRun(t, w, "rotate", map[string]string{"provider": provider, "reason": "quarterly"})
	rotate.before = map[string]func(){"Rotate": func() { w.assertRestricted(t, "vaultkit-rotator") }}
	rotate.execute(t)
	if rotate.status != 0 {
		t.Fatalf("the job rotate ends with %d, want 0: %v", rotate.status, rotate.printed)
	}
	rotate.assertStarted(t, "vaultkit", "rotate --provider "+provider+" --new-key-stdin --expires-in")
	rotate.assertStarted(t, "curl", "-fsS --retry 3 --json @- "+w.URL)
	w.assertKey(t, newKey)
	w.assertRecorded(t, "fake-person", "quarterly, "+runURL)
	w.assertLoggedOut(t, 1)

	rollback := newRun(t, w, "rollback", map[string]string{"provider": provider})
	rollback.execute(t)
	if rollback.status != 0 {
		t.Fatalf("the job rollback ends with %d, want 0: %v", rollback.status, rollback.printed)
	}
	w.assertKey(t, oldKey)
	w.assertLoggedOut(t, 2)
}

// TestGitHubUndetermined refuses the audit record until the job recovers.
func TestGitHubUndetermined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
	logins := 0
	r.before = map[string]func(){"Rotate": func() {
		w.refusing(func(r *http.Request) bool {
			if isFirstRequest(r) {
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
	w.assertLoggedOut(t, 1)
}

func TestGitHubRotateFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inputs map[string]string
		script string // instead of try-key.sh
		failed string // the step
		status int
		tells  string
	}{
		"no such provider":   {map[string]string{"provider": "nobody"}, "", "Check that the provider can be rotated", 4, "nobody"},
		"no provider":        {nil, "", "Check that the provider can be rotated", 2, "no provider"},
		"a flag":             {map[string]string{"provider": "--auto"}, "", "Check that the provider can be rotated", 2, ""},
		"code as a provider": {map[string]string{"provider": "$(exit 0); x"}, "", "Check that the provider can be rotated", 2, ""},
		"the key is no good": {map[string]string{"provider": provider}, "exit 1", "Rotate", 1, "::error::Did try-key.sh refuse the new key, above? Then revoke it"},
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
			w.assertLoggedOut(t, 1)
		})
	}
}

// TestGitHubAppRole rotates with an AppRole, as the comment at the top of the workflow says,
// without the steps that log in.
func TestGitHubAppRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
	r.job.Steps = slices.DeleteFunc(r.job.Steps, func(s step) bool {
		return strings.HasPrefix(s.Name, "Log ") || strings.HasPrefix(s.Name, "Check that")
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
	return map[string]string{"VAULT_ROLE_ID": id.Data["role_id"].(string), "VAULTKIT_WRAPPED_SECRET_ID": secret.WrapInfo.Token}
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
		r.before = map[string]func(){"See which keys are due": func() { w.assertRestricted(t, "vaultkit-monitor") }}
		r.execute(t)
		if printed := r.printed["See which keys are due"]; r.status != want || !strings.Contains(printed, provider) {
			t.Errorf("with --max-age %s the job ends with %d, want %d and the provider printed: %v", age, r.status, want, r.printed)
		}
	}
	w.assertLoggedOut(t, 2)
	if flow := readWorkflow(t); flow.Jobs["status"].Env["MAX_AGE"] != "90d" || flow.Jobs["status"].If != "github.event_name == 'schedule' || inputs.action == 'status'" {
		t.Errorf("the job status has %v and runs if %q, want the documented age and condition", flow.Jobs["status"].Env, flow.Jobs["status"].If)
	}
}

// TestGitHubStatus_RefusesOtherRuns checks that not every run on the branch may read the
// status.
func TestGitHubStatus_RefusesOtherRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for claim, value := range map[string]string{
		"workflow_ref": "goblin/assistant/.github/workflows/test.yml@refs/heads/main", "event_name": "pull_request_target", "repository_id": "1002",
	} {
		r := quickRun(t, w, "status", nil)
		r.claims[claim] = value
		r.execute(t)
		if _, tried := r.printed["See which keys are due"]; r.status == 0 || tried {
			t.Errorf("with another %s the job logs in and ends with %d, want no login: %v", claim, r.status, r.printed)
		}
	}
	w.assertLoggedOut(t, 0)
}

// TestGitHub_RefusesOtherJobs lets jobs without a role log in.
func TestGitHub_RefusesOtherJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(r *githubRun){
		"another repository": func(r *githubRun) { r.claims["repository"] = "goblin/fork" },
		"another's old name": func(r *githubRun) { r.claims["repository_id"] = "1002" },
		"another workflow": func(r *githubRun) {
			r.claims["workflow_ref"] = "goblin/assistant/.github/workflows/test.yml@refs/heads/main"
		},
		"another event":          func(r *githubRun) { r.claims["event_name"] = "schedule" },
		"another branch":         func(r *githubRun) { r.claims["ref"] = "refs/heads/feature" },
		"another environment":    func(r *githubRun) { r.claims["environment"] = "staging" },
		"no environment":         func(r *githubRun) { delete(r.claims, "environment") },
		"another audience":       func(r *githubRun) { r.env = map[string]string{"VAULT_AUDIENCE": "someone-else"} },
		"another issuer's token": func(r *githubRun) { r.env = map[string]string{"VAULT_JWT_MOUNT": "jwt-gitlab"} },
	} {
		t.Run(name, func(t *testing.T) {
			r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
			change(r)
			r.execute(t)
			if _, tried := r.printed["Check that the provider can be rotated"]; r.status == 0 || tried {
				t.Errorf("the job logs in and ends with %d, want no login: %v", r.status, r.printed)
			}
		})
	}
	w.assertLoggedOut(t, 0)
	w.assertKey(t, oldKey)
}

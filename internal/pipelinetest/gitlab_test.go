package pipelinetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const gitlabFile = "gitlab-ci.yml"

// gitlabJob holds what the tests need of a job and of the jobs that it extends.
type gitlabJob struct {
	Extends   string
	Variables map[string]string
	Tokens    map[string]struct{ Aud string } `json:"id_tokens"`
	Before    []string                        `json:"before_script"`
	Script    []string
	After     []string `json:"after_script"`
	Rules     []struct {
		If, When string
		Failure  bool `json:"allow_failure"`
	}
	Environment   string
	ResourceGroup string `json:"resource_group"`
	Interruptible *bool
}

// readGitLab reads a job.
func readGitLab(t *testing.T, name string) (j gitlabJob) {
	t.Helper()
	var file map[string]json.RawMessage
	must(t, yaml.UnmarshalStrict([]byte(readFile(t, gitlabFile)), &file))
	extend(t, file, name, &j)
	return j
}

// extend decodes a job over the job that it extends: variables are merged, everything else is
// replaced.
func extend(t *testing.T, file map[string]json.RawMessage, name string, j *gitlabJob) {
	t.Helper()
	var one struct{ Extends string }
	must(t, json.Unmarshal(file[name], &one))
	if one.Extends != "" {
		extend(t, file, one.Extends, j)
	}
	must(t, json.Unmarshal(file[name], j))
}

// gitlabVariables returns the variables of the file, and those that GitLab sets.
func gitlabVariables(t *testing.T, s *sandbox) map[string]string {
	t.Helper()
	env := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": s.workspace, "GITLAB_USER_LOGIN": "fake-person",
		"CI_JOB_URL": jobURL, "CI_JOB_ID": "4242", "CI_BUILDS_DIR": s.temp,
	}
	var file struct{ Variables map[string]any }
	must(t, yaml.Unmarshal([]byte(readFile(t, gitlabFile)), &file))
	for name, value := range file.Variables {
		if text, is := value.(string); is {
			env[name] = strings.ReplaceAll(text, "$CI_PROJECT_DIR", s.workspace)
		} else {
			env[name] = fmt.Sprint(value.(map[string]any)["value"])
		}
	}
	return env
}

// expandSettings returns a replacer that sets the test's values in the file's settings.
func expandSettings(t *testing.T, w *world) *strings.Replacer {
	t.Helper()
	return strings.NewReplacer(
		"VAULT_ADDR=https://vault.example.com:8200\n", "VAULT_ADDR="+w.URL+"\n",
		"VAULTKIT_REPOSITORY=https://gitlab.example.com/owner/vaultkit.git\n", "VAULTKIT_REPOSITORY="+sources(t)+"\n",
		"VAULTKIT_REF="+strings.Repeat("0", 40)+" ", "VAULTKIT_REF="+head(t)+" ",
	)
}

const jobURL = "https://gitlab.example/goblin/assistant/-/jobs/4242"

// gitlabRun is one run of a job.
type gitlabRun struct {
	*sandbox
	status  int
	printed string
}

// runGitLab runs a job on the protected main branch. Like GitLab, it runs before_script and
// script in one shell, and after_script in another. It checks that no output contains a secret:
// GitLab masks none of them.
func runGitLab(t *testing.T, w *world, name string, change func(s *sandbox, claims map[string]any, env map[string]string)) gitlabRun {
	t.Helper()
	j := readGitLab(t, name)
	r := gitlabRun{sandbox: newSandbox(t)}
	r.scripts(t)
	env := gitlabVariables(t, r.sandbox)
	maps.Copy(env, j.Variables)
	claims := map[string]any{
		"project_path": "goblin/assistant", "project_id": "2002", "pipeline_source": "schedule",
		"ref_type": "branch", "ref": "main", "ref_protected": "true",
	}
	if j.Environment != "" {
		claims["environment"], claims["environment_protected"], claims["pipeline_source"] = j.Environment, "true", "web"
	}
	change(r.sandbox, claims, env)
	for variable, token := range j.Tokens {
		claims["aud"] = token.Aud
		env[variable] = w.gitlab.Sign(claims)
	}
	lines := slices.Concat(j.Before, j.Script)
	filled := expandSettings(t, w)
	r.status, r.printed = r.shell(t, r.workspace, filled.Replace(strings.Join(lines, "\n")), env)
	after, more := r.shell(t, r.workspace, filled.Replace(strings.Join(j.After, "\n")), env)
	if after != 0 {
		t.Errorf("the after_script exits with %d, want 0:\n%s", after, more)
	}
	w.assertNoSecret(t, name, r.printed+more)
	r.assertNoSecrets(t, w)
	return r
}

// dispatch sets up a pipeline that a person starts for the provider.
func dispatch(_ *sandbox, _ map[string]any, env map[string]string) { env["PROVIDER"] = provider }

func TestGitLabRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotate := runGitLab(t, w, "rotate", func(s *sandbox, claims map[string]any, env map[string]string) {
		dispatch(s, claims, env)
		env["REASON"] = "quarterly"
	})
	if rotate.status != 0 {
		t.Fatalf("the job rotate ends with %d, want 0:\n%s", rotate.status, rotate.printed)
	}
	rotate.assertStarted(t, "vaultkit", "rotate --provider "+provider+" --new-key-stdin --expires-in")
	rotate.assertStarted(t, "curl", "-fsS --retry 3 --json @- "+w.URL)
	w.assertKey(t, newKey)
	w.assertRecorded(t, "fake-person", "quarterly, "+jobURL)
	w.assertLoggedOut(t, 1)

	backup := w.records(t)[0]["backup"].(string)
	rollback := runGitLab(t, w, "rollback", func(s *sandbox, claims map[string]any, env map[string]string) {
		dispatch(s, claims, env)
		env["BACKUP"] = path.Base(backup)
	})
	rollback.assertStarted(t, "vaultkit", "rollback --to "+path.Base(backup)+" ")
	if rollback.status != 0 {
		t.Fatalf("the job rollback ends with %d, want 0:\n%s", rollback.status, rollback.printed)
	}
	w.assertKey(t, oldKey)
	w.assertLoggedOut(t, 2)
}

func TestGitLabStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for age, want := range map[string]int{"90d": 0, "1ms": 3} {
		r := runGitLab(t, w, "status", func(_ *sandbox, _ map[string]any, env map[string]string) { env["MAX_AGE"] = age })
		if r.status != want || !strings.Contains(r.printed, provider) {
			t.Errorf("with --max-age %s the job ends with %d, want %d and the provider printed:\n%s", age, r.status, want, r.printed)
		}
	}
	w.assertLoggedOut(t, 2)
}

// TestGitLabStatus_RefusesOtherRuns: a run on the branch alone may not read the status.
func TestGitLabStatus_RefusesOtherRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for claim, value := range map[string]string{"project_id": "2003", "pipeline_source": "push", "ref_protected": "false"} {
		r := runGitLab(t, w, "status", func(_ *sandbox, claims map[string]any, _ map[string]string) { claims[claim] = value })
		if r.status == 0 || strings.Contains(r.printed, provider) {
			t.Errorf("with another %s the job logs in and ends with %d, want no login:\n%s", claim, r.status, r.printed)
		}
	}
	w.assertLoggedOut(t, 0)
}

// TestGitLab_RefusesOtherJobs lets jobs log in that have no role, and one job that would print
// everything.
func TestGitLab_RefusesOtherJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(claims map[string]any, env map[string]string){
		"another project":      func(claims map[string]any, _ map[string]string) { claims["project_path"] = "goblin/fork" },
		"another's old name":   func(claims map[string]any, _ map[string]string) { claims["project_id"] = "2003" },
		"a trigger":            func(claims map[string]any, _ map[string]string) { claims["pipeline_source"] = "trigger" },
		"a free environment":   func(claims map[string]any, _ map[string]string) { claims["environment_protected"] = "false" },
		"another branch":       func(claims map[string]any, _ map[string]string) { claims["ref"] = "feature" },
		"a tag":                func(claims map[string]any, _ map[string]string) { claims["ref_type"] = "tag" },
		"no protected branch":  func(claims map[string]any, _ map[string]string) { claims["ref_protected"] = "false" },
		"another environment":  func(claims map[string]any, _ map[string]string) { claims["environment"] = "staging" },
		"a job that is traced": func(_ map[string]any, env map[string]string) { env["CI_DEBUG_TRACE"] = "true" },
	} {
		t.Run(name, func(t *testing.T) {
			r := runGitLab(t, w, "rotate", func(s *sandbox, claims map[string]any, env map[string]string) {
				dispatch(s, claims, env)
				change(claims, env)
			})
			if r.status == 0 || strings.Contains(r.printed, "Dry run") {
				t.Errorf("the job logs in and ends with %d, want no login:\n%s", r.status, r.printed)
			}
		})
	}
	w.assertLoggedOut(t, 0)
	w.assertKey(t, oldKey)
}

// TestGitLab_RunsOneChangeAtATime checks when jobs run. GitLab's schema of the file is not available
// offline.
func TestGitLab_RunsOneChangeAtATime(t *testing.T) {
	t.Parallel()
	if status := readGitLab(t, "status"); len(status.Rules) != 1 || status.Rules[0].If != `$CI_PIPELINE_SOURCE == "schedule"` ||
		status.Variables["VAULT_JWT_ROLE"] != "vaultkit-monitor" || status.Variables["MAX_AGE"] != "90d" {
		t.Errorf("the job status is %+v, want it to run on schedules only, as monitor, with the documented age", status)
	}
	for _, name := range []string{"rotate", "rollback"} {
		j := readGitLab(t, name)
		if len(j.Rules) != 1 || j.Rules[0].When != "manual" || !j.Rules[0].Failure ||
			j.Rules[0].If != `$CI_PIPELINE_SOURCE == "web" && $CI_COMMIT_REF_PROTECTED == "true" && $PROVIDER` {
			t.Errorf("the job %s has the rules %+v, want a manual start in the web form on protected references", name, j.Rules)
		}
		if j.ResourceGroup != "provider-key-$PROVIDER" || j.Interruptible == nil || *j.Interruptible {
			t.Errorf("the job %s has resource_group %q, want one for each provider, and interruptible: false", name, j.ResourceGroup)
		}
		if j.Environment != "production" || j.Variables["VAULT_JWT_ROLE"] != "vaultkit-rotator" {
			t.Errorf("the job %s logs in as %s in %s, want vaultkit-rotator in production", name, j.Variables["VAULT_JWT_ROLE"], j.Environment)
		}
	}
}

package pipelinetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
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
	Needs     []string
	Cache     struct {
		Key   string
		Paths []string
	}
	Artifacts struct{ Paths []string }
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
		"CI_JOB_URL": jobURL, "CI_PROJECT_PATH": "goblin/assistant",
	}
	var file struct{ Variables map[string]any }
	must(t, yaml.Unmarshal([]byte(readFile(t, gitlabFile)), &file))
	for name, value := range file.Variables {
		if text, is := value.(string); is {
			env[name] = text
		} else {
			env[name] = fmt.Sprint(value.(map[string]any)["value"])
		}
	}
	return env
}

// expandSettings returns a replacer that sets the test's values in the file's settings.
func expandSettings(t *testing.T, w *world) *strings.Replacer {
	t.Helper()
	pairs := []string{
		"VAULT_ADDR=https://vault.example.com:8200\n", "VAULT_ADDR=" + w.URL + "\n",
		"VAULTKIT_REPOSITORY=https://gitlab.example.com/owner/vaultkit.git\n", "VAULTKIT_REPOSITORY=" + cmp.Or(w.private.url, sources(t)) + "\n",
		"VAULTKIT_REF=" + strings.Repeat("0", 40) + " ", "VAULTKIT_REF=" + head(t) + " ",
		"VAULTKIT_SHA256=" + strings.Repeat("0", 64) + "\n", "VAULTKIT_SHA256=" + cmp.Or(w.pinned, checksum(t)) + "\n",
	}
	if w.private.line != "" {
		const start = `git init -q "$source"` + "\n"
		pairs = append(pairs, start, start+w.private.line)
	}
	if w.grace != "" {
		pairs = append(pairs, "--older-than 24h ", "--older-than "+w.grace+" ")
	}
	return strings.NewReplacer(pairs...)
}

const jobURL = "https://gitlab.example/goblin/assistant/-/jobs/4242"

// gitlabRun is one run of a job.
type gitlabRun struct {
	*sandbox
	status  int
	printed string
}

// runGitLabProgram runs the job that builds vaultkit. It restores and saves the cache, as GitLab
// does.
func runGitLabProgram(t *testing.T, w *world, change func(env map[string]string)) gitlabRun {
	t.Helper()
	j := readGitLab(t, "program")
	if len(j.Tokens) > 0 || j.Cache.Key != "vaultkit" || !slices.Equal(j.Cache.Paths, []string{programDir}) || !slices.Equal(j.Artifacts.Paths, []string{programDir + "/vaultkit"}) {
		t.Errorf("the job program is %+v, want no token, and its directory cached", j)
	}
	r := gitlabRun{sandbox: newSandbox(t)}
	if cached, found := w.caches[j.Cache.Key]; found {
		r.putProgram(t, cached)
	}
	env := gitlabVariables(t, r.sandbox)
	change(env)
	r.status, r.printed = r.shell(t, r.workspace, expandSettings(t, w).Replace(strings.Join(j.Script, "\n")), env)
	if r.status == 0 {
		text, err := os.ReadFile(filepath.Join(r.workspace, programDir, "vaultkit"))
		must(t, err)
		w.caches[j.Cache.Key] = text
	}
	w.assertNoSecret(t, "program", r.printed)
	return r
}

// programDir is where the jobs have vaultkit.
const programDir = ".program"

// putProgram writes what is in the cache or in the artifact.
func (s *sandbox) putProgram(t *testing.T, content []byte) {
	t.Helper()
	s.put(t, programDir+"/vaultkit", string(content))
}

// runGitLab runs a job on the protected main branch. Like GitLab, it runs before_script and
// script in one shell. It checks that no output contains a secret: GitLab masks none of them.
func runGitLab(t *testing.T, w *world, name string, change func(s *sandbox, claims map[string]any, env map[string]string)) gitlabRun {
	t.Helper()
	j := readGitLab(t, name)
	r := gitlabRun{sandbox: newSandbox(t)}
	w.checkOut(t, r.sandbox)
	r.putProgram(t, program(t))
	r.install(t, "vaultkit", filepath.Join(r.workspace, programDir, "vaultkit")) // first on the PATH, to record arguments
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
	w.assertNoSecret(t, name, r.printed)
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
	w.assertRestricted(t, "vaultkit-rotator")
	w.assertKey(t, newKey)
	w.assertRecorded(t, "fake-person", "quarterly, "+jobURL)
	w.assertLoggedOut(t, 2)

	backup := w.records(t)[0]["backup"].(string)
	rollback := runGitLab(t, w, "rollback", func(s *sandbox, claims map[string]any, env map[string]string) {
		dispatch(s, claims, env)
		env["BACKUP"], env["REASON"] = path.Base(backup), "errors"
	})
	rollback.assertStarted(t, "vaultkit", "rollback --to "+path.Base(backup)+" ")
	if rollback.status != 0 {
		t.Fatalf("the job rollback ends with %d, want 0:\n%s", rollback.status, rollback.printed)
	}
	w.assertKey(t, oldKey)
	w.assertRolledBack(t, "fake-person", "errors, "+jobURL)
	w.assertLoggedOut(t, 3)
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

// TestGitLabRevokeOld revokes the key that a rotation replaced, with only the revoker's policy.
func TestGitLabRevokeOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rotate(t)
	// The variables of a schedule do not shorten the grace.
	r := runGitLab(t, w, "revoke-old", func(_ *sandbox, _ map[string]any, env map[string]string) { env["GRACE"] = "1ms" })
	if r.status != 0 || r.revoked(t) != "" || !strings.Contains(r.printed, "Skipped "+provider+", version 1, id ") {
		t.Errorf("the job ends with %d and revokes %q, want 0 and nothing before a day has passed:\n%s", r.status, r.revoked(t), r.printed)
	}
	w.grace = "1ms"
	r = runGitLab(t, w, "revoke-old", func(*sandbox, map[string]any, map[string]string) {})
	w.assertRevoked(t, r.sandbox, r.status, r.printed, "goblin/assistant, by schedule", jobURL)
	w.assertRestricted(t, "vaultkit-revoker")
	w.assertLoggedOut(t, 2)
	w.assertKey(t, newKey)
}

// TestRevokeOldFails: a key that is not revoked fails the job, so that somebody looks at it.
func TestRevokeOldFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rotate(t)
	const failing = "#!/bin/sh\nexit 1\n"
	r := quickRun(t, w, "revoke-old", nil)
	r.env = map[string]string{"GRACE": "1ms"}
	r.before = map[string]func(){"Revoke old keys": func() { r.put(t, "scripts/revoke-key.sh", failing) }}
	r.execute(t)
	if r.status != 1 {
		t.Errorf("the job of GitHub ends with %d, want 1: %v", r.status, r.printed)
	}
	w.grace = "1ms"
	l := runGitLab(t, w, "revoke-old", func(s *sandbox, _ map[string]any, _ map[string]string) { s.put(t, "scripts/revoke-key.sh", failing) })
	if l.status != 1 {
		t.Errorf("the job of GitLab ends with %d, want 1:\n%s", l.status, l.printed)
	}
}

// GitLab Free cannot protect an environment, so a set-up for it accepts one that is not protected.
func TestGitLabFree(t *testing.T) {
	t.Parallel()
	w := newWorldWithoutSetup(t)
	w.store(t, oldKey)
	if status, printed := w.runSetup(t, map[string]string{"GITLAB_ENVIRONMENT_PROTECTED": "false"}); status != 0 {
		t.Fatalf("vault-setup.sh exits with %d, want 0:\n%s", status, printed)
	}
	r := runGitLab(t, w, "rotate", func(s *sandbox, claims map[string]any, env map[string]string) {
		dispatch(s, claims, env)
		claims["environment_protected"] = "false"
	})
	if r.status != 0 {
		t.Errorf("the job rotate ends with %d, want 0:\n%s", r.status, r.printed)
	}
	w.assertKey(t, newKey)
}

// TestGitLab_RefusesOtherJobs lets jobs log in of which one claim is another than the role's, and
// a job that would print everything.
func TestGitLab_RefusesOtherJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type change = func(claims map[string]any, env map[string]string)
	set := func(claim, value string) change {
		return func(claims map[string]any, _ map[string]string) { claims[claim] = value }
	}
	role := func(name string) change {
		return func(_ map[string]any, env map[string]string) { env["VAULTKIT_JWT_ROLE"] = name }
	}
	all := map[string]change{
		"another project":     set("project_path", "goblin/fork"),
		"another's old name":  set("project_id", "2003"),
		"a push":              set("pipeline_source", "push"),
		"a trigger":           set("pipeline_source", "trigger"),
		"another branch":      set("ref", "feature"),
		"a tag":               set("ref_type", "tag"),
		"no protected branch": set("ref_protected", "false"),
		"another mount":       func(_ map[string]any, env map[string]string) { env["VAULTKIT_JWT_MOUNT"] = "jwt-github" },
	}
	for job, own := range map[string]map[string]change{
		"status": {"the web form": set("pipeline_source", "web"), "a rotator's role": role("vaultkit-rotator")},
		"rotate": {
			"a free environment":   set("environment_protected", "false"),
			"another environment":  set("environment", "staging"),
			"no environment":       func(claims map[string]any, _ map[string]string) { delete(claims, "environment") },
			"the schedule":         set("pipeline_source", "schedule"),
			"a revoker's role":     role("vaultkit-revoker"),
			"a job that is traced": func(_ map[string]any, env map[string]string) { env["CI_DEBUG_TRACE"] = "true" },
		},
		"revoke-old": {"the web form": set("pipeline_source", "web"), "a rotator's role": role("vaultkit-rotator")},
	} {
		changes := maps.Clone(all)
		maps.Copy(changes, own)
		for name, change := range changes {
			t.Run(job+", "+name, func(t *testing.T) {
				r := runGitLab(t, w, job, func(s *sandbox, claims map[string]any, env map[string]string) {
					dispatch(s, claims, env)
					change(claims, env)
				})
				want := 6
				if name == "a job that is traced" {
					want = 1
				}
				if r.status != want || strings.Contains(r.arguments(t), "create-key.sh") || r.revoked(t) != "" {
					t.Errorf("the job ends with %d, want %d and no login:\n%s", r.status, want, r.printed)
				}
			})
		}
	}
	w.assertLoggedOut(t, 0)
	w.assertKey(t, oldKey)
}

// TestGitLab_RunsOneChangeAtATime checks when jobs run. GitLab's schema of the file is not available
// offline.
func TestGitLab_RunsOneChangeAtATime(t *testing.T) {
	t.Parallel()
	if status := readGitLab(t, "status"); len(status.Rules) != 1 || status.Rules[0].If != `$CI_PIPELINE_SOURCE == "schedule"` ||
		status.Variables["VAULTKIT_JWT_ROLE"] != "vaultkit-monitor" || status.Variables["MAX_AGE"] != "90d" {
		t.Errorf("the job status is %+v, want it to run on schedules only, as monitor, with the documented age", status)
	}
	revoke := readGitLab(t, "revoke-old")
	if len(revoke.Rules) != 1 || revoke.Rules[0].If != `$CI_PIPELINE_SOURCE == "schedule"` || revoke.Variables["VAULTKIT_JWT_ROLE"] != "vaultkit-revoker" {
		t.Errorf("the job revoke-old is %+v, want it to run on schedules only, as revoker", revoke)
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
		if j.Environment != "production" || j.Variables["VAULTKIT_JWT_ROLE"] != "vaultkit-rotator" {
			t.Errorf("the job %s logs in as %s in %s, want vaultkit-rotator in production", name, j.Variables["VAULTKIT_JWT_ROLE"], j.Environment)
		}
	}
}

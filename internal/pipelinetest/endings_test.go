package pipelinetest

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ending is one way a rotation can end, and what the job must print about the new key. The job
// must not tell people to revoke the key that services read.
type ending struct {
	shell  string // read by every shell of the job, before its script
	refuse func(runs int, r *http.Request) bool
	key    string // that the provider's API creates
	status int
	holds  string
	says   []string
}

// rotating is the number of the vaultkit run that rotates. The run before it is the check.
const rotating = 2

func isSecretRequest(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/secret/") }

// isRecordRequest reports whether a request writes a record.
func isRecordRequest(r *http.Request) bool {
	return r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/data/") && strings.Contains(r.URL.Path, "/rotations/")
}

// afterRotating runs vaultkit and then replaces its exit code.
const afterRotating = `vaultkit() {
	case $* in
	*--dry-run) command vaultkit "$@" ;;
	rotate*) command vaultkit "$@" %s ;;
	*) command vaultkit "$@" ;;
	esac
}
`

const keepIt = "The new key may be in force: do not revoke it. Run vaultkit recover"

func endings() map[string]ending {
	return map[string]ending{
		"8, then all is refused": {
			refuse: func(runs int, r *http.Request) bool {
				return runs == rotating && isRecordRequest(r) || runs > rotating && isSecretRequest(r)
			},
			status: 6, holds: newKey, says: []string{keepIt},
		},
		"8, and again": {
			refuse: func(runs int, r *http.Request) bool { return runs >= rotating && isRecordRequest(r) },
			status: 8, holds: newKey, says: []string{keepIt, "only its audit record is missing"},
		},
		"9": {key: oldKey, status: 9, holds: oldKey, says: []string{"This key is in force already: do not revoke it"}},
		"1, with the disk full": {
			shell: fmt.Sprintf(afterRotating, ">/dev/full"), status: 1, holds: newKey,
			says: []string{"is committed and in force, version 1 -> 2", "Otherwise it may be in force", "/4242"},
		},
		"killed": {
			shell: fmt.Sprintf(afterRotating, "; return 137"), status: 137, holds: newKey, says: []string{keepIt, "/4242"},
		},
		"6 at once": {
			refuse: func(runs int, r *http.Request) bool { return runs >= rotating && isSecretRequest(r) },
			status: 6, holds: oldKey, says: []string{"The new key is not in force: revoke it at its issuer"},
		},
	}
}

// prepare makes the rotation end this way, and returns the variables of the job.
func (e ending) prepare(t *testing.T, w *world) map[string]string {
	t.Helper()
	file := t.TempDir() + "/shell"
	must(t, os.WriteFile(file, []byte(e.shell), 0o600))
	runs := 0
	w.refusing(func(r *http.Request) bool {
		if isLogin(r) {
			runs++
		}
		return e.refuse != nil && e.refuse(runs, r)
	})
	return map[string]string{"BASH_ENV": file}
}

// setNewKey makes the provider's API return another key, which passes every check.
func (s *sandbox) setNewKey(t *testing.T, key string) {
	t.Helper()
	must(t, os.WriteFile(s.outside("key"), []byte(key+"\n"), 0o600))
}

// check compares what a job printed and did.
func (e ending) check(t *testing.T, w *world, status int, printed string) {
	t.Helper()
	if status != e.status {
		t.Errorf("exit code %d, want %d", status, e.status)
	}
	for _, text := range e.says {
		if !strings.Contains(printed, text) {
			t.Errorf("the job does not print %q, want it in\n%s", text, printed)
		}
	}
	if e.holds == newKey && strings.Contains(printed, "not in force") {
		t.Errorf("the job says that the key in force is not in force, want no such text in\n%s", printed)
	}
	if t.Failed() {
		t.Log(printed)
	}
	w.refusing(nil)
	w.assertKey(t, e.holds)
}

func TestGitHubEndings(t *testing.T) {
	t.Parallel()
	for name, e := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := quickRun(t, w, "rotate", map[string]string{"provider": provider})
			r.env = e.prepare(t, w)
			r.before = map[string]func(){"Create the new key at the issuer": func() { r.setNewKey(t, cmp.Or(e.key, newKey)) }}
			r.execute(t)
			e.check(t, w, r.status, r.printed["Rotate"])
		})
	}
}

func TestGitLabEndings(t *testing.T) {
	t.Parallel()
	for name, e := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			vars := e.prepare(t, w)
			r := runGitLab(t, w, "rotate", func(s *sandbox, claims map[string]any, env map[string]string) {
				dispatch(s, claims, env)
				s.setNewKey(t, cmp.Or(e.key, newKey))
				env["BASH_ENV"] = vars["BASH_ENV"]
			})
			e.check(t, w, r.status, r.printed)
		})
	}
}

// TestGitHubSummary checks that a rotation succeeds even if its summary cannot be written.
func TestGitHubSummary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, run := range []struct{ name, holds string }{
		{"rotate", newKey},
		{"rollback", oldKey}, // of the rotation above
	} {
		r := quickRun(t, w, run.name, map[string]string{"provider": provider})
		r.env = map[string]string{"GITHUB_STEP_SUMMARY": "/dev/full"}
		r.execute(t)
		if r.status != 0 {
			t.Errorf("%s ends with %d, want 0: %v", run.name, r.status, r.printed)
		}
		w.assertKey(t, run.holds)
	}
}

// rotate rotates the provider, without a job.
func (w *world) rotate(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), vaultkit, "rotate", provider, "--new-key-stdin")
	cmd.Env = []string{"VAULT_ADDR=" + w.URL, "VAULT_TOKEN=" + w.server.RootToken()}
	cmd.Stdin = strings.NewReader(newKey)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("vaultkit rotate = %v, want success: %s", err, out)
	}
}

// TestRollbackUndetermined: if recover fails too, the job still prints what is known.
func TestRollbackUndetermined(t *testing.T) {
	t.Parallel()
	lost := ending{refuse: func(_ int, r *http.Request) bool { return isRecordRequest(r) }}
	t.Run("GitHub", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.rotate(t)
		r := quickRun(t, w, "rollback", map[string]string{"provider": provider})
		r.env = lost.prepare(t, w)
		r.execute(t)
		assertRecoveredAndListed(t, r.sandbox, r.status, r.printed["Roll back"])
	})
	t.Run("GitLab", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.rotate(t)
		vars := lost.prepare(t, w)
		r := runGitLab(t, w, "rollback", func(s *sandbox, claims map[string]any, env map[string]string) {
			dispatch(s, claims, env)
			env["BASH_ENV"] = vars["BASH_ENV"]
		})
		assertRecoveredAndListed(t, r.sandbox, r.status, r.printed)
	})
}

func assertRecoveredAndListed(t *testing.T, s *sandbox, status int, printed string) {
	t.Helper()
	s.assertStarted(t, "vaultkit", "recover -- "+provider)
	s.assertStarted(t, "vaultkit", "history -- "+provider)
	if status != 8 {
		t.Errorf("the job ends with %d, want 8:\n%s", status, printed)
	}
}

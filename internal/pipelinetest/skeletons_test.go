package pipelinetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// adminKey is the credential of the scripts at the issuer of the keys.
const adminKey = "admin-canary"

// keyIssuer simulates the issuer of the providers' keys: it creates keys, serves requests with
// them, and revokes them.
type keyIssuer struct {
	*httptest.Server
	mu     sync.Mutex
	status int    // instead of a success
	answer string // to the request for a new key
	calls  []string
}

func newKeyIssuer(t *testing.T) *keyIssuer {
	t.Helper()
	i := &keyIssuer{answer: fmt.Sprintf(`{"id": "1", "key": %q, "project": "assistant"}`, newKey)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/keys", func(w http.ResponseWriter, r *http.Request) {
		i.respond(w, r, adminKey, "create for "+r.FormValue("project"))
	})
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) { i.respond(w, r, newKey, "try") })
	mux.HandleFunc("POST /v1/keys/revoke", func(w http.ResponseWriter, r *http.Request) {
		i.respond(w, r, adminKey, "revoke "+r.FormValue("key"))
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *keyIssuer) respond(w http.ResponseWriter, r *http.Request, key, call string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls = append(i.calls, call)
	switch {
	case r.Header.Get("Authorization") != "Bearer "+key:
		w.WriteHeader(http.StatusUnauthorized)
	case i.status != 0:
		w.WriteHeader(i.status)
	default:
		fmt.Fprintln(w, i.answer)
	}
}

// assertCalls fails the test unless the scripts made these requests.
func (i *keyIssuer) assertCalls(t *testing.T, want ...string) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if !slices.Equal(i.calls, want) {
		t.Errorf("the issuer gets %q, want %q", i.calls, want)
	}
}

var skeleton = regexp.MustCompile("(?s)```sh\n(#!/bin/sh\n# ([a-z-]+\\.sh)[ :].*?)```\n")

// skeletons returns the scripts of the page, with the address of the issuer.
func skeletons(t *testing.T, issuer string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(pageFile)
	must(t, err)
	found := map[string]string{}
	for _, match := range skeleton.FindAllStringSubmatch(string(text), -1) {
		script := strings.Replace(match[1], "\nissuer=https://api.issuer.example/v1\n", "\nissuer="+issuer+"/v1\n", 1)
		if script == match[1] {
			t.Errorf("%s has no line for the address of the issuer, want one", match[2])
		}
		found[match[2]] = script
	}
	if len(found) != 3 {
		t.Fatalf("%s has %d scripts, want 3", pageFile, len(found))
	}
	return found
}

// newWorldWithSkeletons returns a world whose jobs run the scripts of the page.
func newWorldWithSkeletons(t *testing.T) (*world, *keyIssuer) {
	t.Helper()
	w, issuer := newWorld(t), newKeyIssuer(t)
	w.skeletons = skeletons(t, issuer.URL)
	return w, issuer
}

// checkOut puts the scripts into the workspace of a job.
func (w *world) checkOut(t *testing.T, s *sandbox) {
	t.Helper()
	if w.skeletons == nil {
		s.scripts(t)
		return
	}
	s.putSkeletons(t, w.skeletons)
}

func (s *sandbox) putSkeletons(t *testing.T, scripts map[string]string) {
	t.Helper()
	for _, program := range []string{"curl", "sed"} {
		path, err := exec.LookPath(program)
		must(t, err)
		s.install(t, program, path)
	}
	for name, text := range scripts {
		s.put(t, "scripts/"+name, text)
	}
}

// The scripts of the page create, try and revoke keys in the jobs, and no key is an argument.
func TestSkeletons_InGitHub(t *testing.T) {
	t.Parallel()
	w, issuer := newWorldWithSkeletons(t)
	rotate := quickRun(t, w, "rotate", map[string]string{"provider": provider})
	rotate.env = map[string]string{"ISSUER_ADMIN_KEY": adminKey}
	rotate.execute(t)
	if rotate.status != 0 {
		t.Fatalf("the job rotate ends with %d, want 0: %v", rotate.status, rotate.printed)
	}
	w.assertKey(t, newKey)
	issuer.assertCalls(t, "create for assistant", "try")
	rotate.assertStarted(t, "curl", "-sS --fail ")

	revoke := quickRun(t, w, "revoke-old", nil)
	revoke.env = map[string]string{"ISSUER_ADMIN_KEY": adminKey, "GRACE": "1ms"}
	revoke.execute(t)
	if revoke.status != 0 {
		t.Errorf("the job revoke-old ends with %d, want 0: %v", revoke.status, revoke.printed)
	}
	issuer.assertCalls(t, "create for assistant", "try", "revoke "+oldKey)
}

func TestSkeletons_InGitLab(t *testing.T) {
	t.Parallel()
	w, issuer := newWorldWithSkeletons(t)
	w.grace = "1ms"
	for _, name := range []string{"rotate", "revoke-old"} {
		r := runGitLab(t, w, name, func(s *sandbox, claims map[string]any, env map[string]string) {
			dispatch(s, claims, env)
			env["ISSUER_ADMIN_KEY"] = adminKey
		})
		if r.status != 0 {
			t.Fatalf("the job %s ends with %d, want 0:\n%s", name, r.status, r.printed)
		}
	}
	w.assertKey(t, newKey)
	issuer.assertCalls(t, "create for assistant", "try", "revoke "+oldKey)
}

// The exit codes and the output of the scripts are as the table of the page says.
func TestSkeletons_FollowTheirContract(t *testing.T) {
	t.Parallel()
	const failure = -1 // shells have different exit codes for an unset variable
	const odd = `sk-canary-@"\&%41 +x`
	for name, test := range map[string]struct {
		script string // and its argument
		env    map[string]string
		status int    // of the issuer
		answer string // of the issuer
		code   int
		calls  []string
		out    string // contains
	}{
		"creates":                {"create-key.sh anthropic", nil, 0, "", 0, []string{"create for search"}, newKey + "\n"},
		"an answer of lines":     {"create-key.sh anthropic", nil, 0, "{\n  \"key\":\"" + newKey + "\",\n  \"id\": 1\n}", 0, []string{"create for search"}, newKey + "\n"},
		"creates nothing":        {"create-key.sh anthropic", nil, 500, "", 22, []string{"create for search"}, "error: 500"},
		"an answer without":      {"create-key.sh anthropic", nil, 0, `{"error": "no"}`, 1, []string{"create for search"}, "has no key"},
		"another provider":       {"create-key.sh nobody", nil, 0, "", 2, nil, "unknown provider: nobody"},
		"no credential":          {"create-key.sh anthropic", map[string]string{"ISSUER_ADMIN_KEY": "wrong"}, 0, "", 22, []string{"create for search"}, "error: 401"},
		"tries":                  {"try-key.sh", map[string]string{"VAULTKIT_KEY": newKey}, 0, "", 0, []string{"try"}, ""},
		"a wrong key":            {"try-key.sh", map[string]string{"VAULTKIT_KEY": odd}, 0, "", 22, []string{"try"}, "error: 401"},
		"nothing to try":         {"try-key.sh", nil, 0, "", failure, nil, "VAULTKIT_KEY"},
		"nothing to revoke":      {"revoke-key.sh", nil, 0, "", failure, nil, "VAULTKIT_KEY"},
		"nothing to create with": {"create-key.sh anthropic", map[string]string{"ISSUER_ADMIN_KEY": ""}, 0, "", failure, nil, "ISSUER_ADMIN_KEY"},
		"revokes":                {"revoke-key.sh", map[string]string{"VAULTKIT_KEY": odd}, 0, "", 0, []string{"revoke " + odd}, ""},
		"revoked before":         {"revoke-key.sh", map[string]string{"VAULTKIT_KEY": odd}, 410, "", 44, []string{"revoke " + odd}, ""},
		"a wrong address":        {"revoke-key.sh", map[string]string{"VAULTKIT_KEY": odd}, 404, "", 1, []string{"revoke " + odd}, "status 404"},
		"refuses to revoke":      {"revoke-key.sh", map[string]string{"VAULTKIT_KEY": odd, "ISSUER_ADMIN_KEY": `"`}, 0, "", 1, []string{"revoke " + odd}, "status 401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, issuer := newSandbox(t), newKeyIssuer(t)
			s.putSkeletons(t, skeletons(t, issuer.URL))
			env := map[string]string{"ISSUER_ADMIN_KEY": adminKey}
			for key, value := range test.env {
				env[key] = value
			}
			if issuer.status = test.status; test.answer != "" {
				issuer.answer = test.answer
			}
			code, printed := s.shell(t, s.workspace, "./scripts/"+test.script, env)
			if test.code == failure && code != 0 && code != 44 {
				code = failure
			}
			if code != test.code || !strings.Contains(printed, test.out) || test.out == "" && printed != "" || strings.HasPrefix(test.out, newKey) && printed != test.out {
				t.Errorf("%s exits with %d and prints %q, want %d and %q", test.script, code, printed, test.code, test.out)
			}
			issuer.assertCalls(t, test.calls...)
			if arguments := s.arguments(t); strings.Contains(arguments, "canary") {
				t.Errorf("%s starts %q, want no key in the arguments", test.script, arguments)
			}
		})
	}
}

// The skeletons are scripts for every POSIX shell. shellcheck checks them where it is installed.
func TestSkeletons_AreLinted(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.putSkeletons(t, skeletons(t, "https://issuer.example"))
	for name := range skeletons(t, "https://issuer.example") {
		path := filepath.Join(s.workspace, "scripts", name)
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", path).CombinedOutput(); err != nil {
			t.Errorf("sh -n %s = %v, want no error:\n%s", name, err, out)
		}
		if shellcheck, err := exec.LookPath("shellcheck"); err == nil {
			if out, err := exec.CommandContext(t.Context(), shellcheck, path).CombinedOutput(); err != nil {
				t.Errorf("shellcheck %s = %v, want no error:\n%s", name, err, out)
			}
		}
	}
}

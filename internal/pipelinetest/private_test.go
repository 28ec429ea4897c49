package pipelinetest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// jobToken is the token with which a GitLab job reads other projects.
const jobToken = "job-token-canary"

// pageLine returns the only block of the page that is one line with this text.
func pageLine(t *testing.T, text string) string {
	t.Helper()
	page, err := os.ReadFile(pageFile)
	must(t, err)
	match := regexp.MustCompile("(?m)^```text\n(.*"+regexp.QuoteMeta(text)+".*\n)```$").FindAllStringSubmatch(string(page), -1)
	if len(match) != 1 {
		t.Fatalf("%s has %d lines with %s, want one", pageFile, len(match), text)
	}
	return match[0][1]
}

// startPrivate serves the repository of vaultkit to those who have the token of the job.
func startPrivate(t *testing.T) *httptest.Server {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	must(t, err)
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_HTTP_EXPORT_ALL=1", "GIT_PROJECT_ROOT=" + sources(t)},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "gitlab-ci-token" || password != jobToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
			http.Error(w, "no such project", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// With the line of the page, the job builds vaultkit from a private project, and no argument contains
// the token.
func TestGitLab_BuildsFromAPrivateProject(t *testing.T) {
	t.Parallel()
	w, server := newWorldWithoutSetup(t), startPrivate(t)
	withToken := func(env map[string]string) { env["CI_JOB_TOKEN"], env["GIT_TERMINAL_PROMPT"] = jobToken, "0" }
	w.private.url = server.URL + "/.git"
	if r := runGitLabProgram(t, w, withToken); r.status == 0 {
		t.Errorf("without the line of the page the job ends with 0, want a failure:\n%s", r.printed)
	}
	w.private.line = strings.ReplaceAll(pageLine(t, "CI_JOB_TOKEN"), "https://gitlab.example.com", server.URL)
	r := runGitLabProgram(t, w, withToken)
	if r.status != 0 {
		t.Errorf("with the line of the page the job ends with %d, want 0:\n%s", r.status, r.printed)
	}
	if printed := r.printed + r.arguments(t); strings.Contains(printed, jobToken) {
		t.Errorf("the job prints or passes the job token, want it in no output and no argument:\n%s", printed)
	}
}

// The line of the page belongs to the step that checks out vaultkit.
func TestGitHub_BuildsFromAPrivateRepository(t *testing.T) {
	t.Parallel()
	const path = "          path: source\n"
	text := strings.Replace(readFile(t, workflowFile), path, path+pageLine(t, "VAULTKIT_REPOSITORY_TOKEN"), 1)
	if found := lint(t, text); len(found) > 0 {
		t.Errorf("actionlint found\n%s\nwant nothing", strings.Join(found, "\n"))
	}
	var w workflow
	must(t, yaml.Unmarshal([]byte(text), &w))
	for _, s := range w.Jobs["program"].Steps {
		if _, checksOut := s.With["repository"]; checksOut {
			if s.With["token"] != "${{ secrets.VAULTKIT_REPOSITORY_TOKEN }}" || s.With["persist-credentials"] != false {
				t.Errorf("the checkout of vaultkit has %v, want the token, and not to keep it", s.With)
			}
			return
		}
	}
	t.Error("the job program does not check out vaultkit, want a step that does")
}

// With the lines of the page, the steps that call the issuer get the credential for it.
func TestGitHub_GivesTheIssuersCredentialToTwoSteps(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(pageFile)
	must(t, err)
	lines := regexp.MustCompile("(?m)^```text\n( +env:\n +ISSUER_ADMIN_KEY: .*\n)```$").FindStringSubmatch(string(page))
	if lines == nil {
		t.Fatalf("%s does not show how a step gets ISSUER_ADMIN_KEY, want lines for it", pageFile)
	}
	for _, name := range []string{"Create the new key at the issuer", "Revoke old keys"} {
		start := "      - name: " + name + "\n"
		text := strings.Replace(readFile(t, workflowFile), start, start+lines[1], 1)
		var w workflow
		must(t, yaml.Unmarshal([]byte(text), &w))
		given := 0
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if s.Env["ISSUER_ADMIN_KEY"] == "${{ secrets.ISSUER_ADMIN_KEY }}" && s.Name == name {
					given++
				}
			}
		}
		if found := lint(t, text); len(found) > 0 || given != 1 {
			t.Errorf("with the lines of the page, %d steps %q have the credential and actionlint finds %q, want 1 and nothing", given, name, found)
		}
	}
}

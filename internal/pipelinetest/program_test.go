package pipelinetest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program returns the program that was built for this run.
func program(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(vaultkit)
	must(t, err)
	return text
}

// checksum returns the SHA-256 of the program. It is built in the repository, and the jobs build
// theirs in a copy elsewhere.
func checksum(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256(program(t)))
}

// pageFile is the page about the pipelines.
const pageFile = root + "docs/pipelines.md"

// pageCommand matches the command of the page that prints the checksum.
var pageCommand = regexp.MustCompile(`(?m)^GOTOOLCHAIN=go(\S+) (.* go build .*)\nsha256sum vaultkit\n`)

func readPageCommand(t *testing.T) (version, command string) {
	t.Helper()
	text, err := os.ReadFile(pageFile)
	must(t, err)
	match := pageCommand.FindStringSubmatch(string(text))
	if match == nil {
		t.Fatalf("%s has no command that prints the checksum, want one", pageFile)
	}
	return match[1], match[2]
}

// goVersion returns the version of Go with which the page says to build.
func goVersion(t *testing.T) string {
	t.Helper()
	version, _ := readPageCommand(t)
	return version
}

// TestPageCommand runs the command of the page in a copy of the repository: what people pin is
// what the jobs build. The command names linux/amd64, as the runners are.
func TestPageCommand(t *testing.T) {
	t.Parallel()
	version, command := readPageCommand(t)
	must(t, exec.CommandContext(t.Context(), "go", "mod", "edit", "-go="+version, "-print", root+"go.mod").Run()) // a version there can be
	s := newSandbox(t)
	dir := filepath.Join(s.workspace, "clone")
	must(t, os.CopyFS(dir, os.DirFS(sources(t))))
	status, printed := s.shell(t, dir, command+"\nsha256sum vaultkit\n", nil)
	if status != 0 || printed != checksum(t)+"  vaultkit\n" {
		t.Errorf("the command of the page exits with %d and prints %q, want 0 and %s", status, printed, checksum(t))
	}
}

// forged is a program that somebody has put into the cache.
var forged = []byte("#!/bin/sh\necho the program of the cache runs\n")

// TestGitHubProgram: the first run builds the program, the second takes it from the cache, and
// what is not the program of the checksum is never run.
func TestGitHubProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := "vaultkit-" + checksum(t)
	run := func(before func()) *githubRun {
		before()
		r := newRun(t, w, "status", nil)
		r.execute(t)
		for name, printed := range r.printed {
			if strings.Contains(printed, "the program of the cache runs") {
				t.Errorf("%s runs the program of the cache, want it refused", name)
			}
		}
		return r
	}
	const build = "program: Build the program"
	for _, test := range []struct {
		name   string
		before func()
		builds bool
	}{
		{"an empty cache", func() {}, true},
		{"the program in the cache", func() {}, false},
		{"another program in the cache", func() { w.caches[key] = forged }, true},
	} {
		r := run(test.before)
		if _, built := r.printed[build]; r.status != 0 || built != test.builds {
			t.Errorf("with %s the jobs end with %d and build: %t, want 0 and %t: %v", test.name, r.status, built, test.builds, r.printed)
		}
	}
	r := quickRun(t, w, "status", nil)
	r.artifacts["vaultkit"] = forged
	r.execute(t)
	if _, ran := r.printed["See which keys are due"]; r.status == 0 || ran {
		t.Errorf("with another program the job ends with %d, want it refused: %v", r.status, r.printed)
	}
	other := newRun(t, w, "status", nil)
	other.env = map[string]string{"VAULTKIT_SHA256": strings.Repeat("0", 64)}
	clear(w.caches)
	other.execute(t)
	if _, ran := other.printed["See which keys are due"]; other.status == 0 || ran || len(w.caches) > 0 {
		t.Errorf("with another checksum the jobs end with %d, want a failure and nothing in the cache: %v", other.status, other.printed)
	}
}

// TestGitLabProgram is TestGitHubProgram for GitLab.
func TestGitLabProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		name   string
		before func()
		builds bool
	}{
		{"an empty cache", func() { clear(w.caches) }, true},
		{"the program in the cache", func() {}, false},
		{"another program in the cache", func() { maps.Copy(w.caches, map[string][]byte{"vaultkit": forged}) }, true},
	} {
		test.before()
		r := runGitLabProgram(t, w, func(map[string]string) {})
		built := strings.Contains(r.arguments(t), "go -C ")
		if r.status != 0 || built != test.builds || fmt.Sprintf("%x", sha256.Sum256(w.caches["vaultkit"])) != checksum(t) {
			t.Errorf("with %s the job ends with %d and builds: %t, want 0 and %t and its program in the cache:\n%s",
				test.name, r.status, built, test.builds, r.printed)
		}
	}
	w.pinned = strings.Repeat("1", 64)
	clear(w.caches)
	if other := runGitLabProgram(t, w, func(map[string]string) {}); other.status == 0 || len(w.caches) > 0 {
		t.Errorf("with another checksum the job ends with %d, want a failure and nothing in the cache:\n%s", other.status, other.printed)
	}
	w.pinned = ""
	w.caches["vaultkit"] = forged
	r := runGitLab(t, w, "status", func(s *sandbox, _ map[string]any, _ map[string]string) { s.putProgram(t, forged) })
	if r.status == 0 || strings.Contains(r.printed, "the program of the cache runs") {
		t.Errorf("with another program the job ends with %d, want it refused:\n%s", r.status, r.printed)
	}
}

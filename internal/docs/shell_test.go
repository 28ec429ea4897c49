//go:build unix

package docs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// TestShellBlocksRun runs the "sh" blocks of each page as one bash script, in a directory
// of its own, with the providers of "vaultkit dev --seed".
func TestShellBlocksRun(t *testing.T) {
	t.Parallel()
	bin := programs(t)
	for _, p := range pages(t) {
		script := scriptOf(p)
		if script == "" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, bin)
			w.saveScripts(p)
			w.run(script)
		})
	}
}

// prelude keeps "vaultkit dev" from running until Ctrl-C: the test has started one. It also
// keeps keys from being tried at a provider's API. The flags are checked all the same.
const prelude = `set -euo pipefail
vaultkit() {
	case " $* " in
	" dev "* | " verify "* | *" --verify "*) set -- "$@" --help ;;
	esac
	command vaultkit "$@"
}
`

// scriptOf returns the page's shell blocks, each after a line that prints its position.
func scriptOf(p page) string {
	var script strings.Builder
	for _, b := range p.blocks {
		if b.kind == "sh" && !strings.HasPrefix(b.text, "#!") {
			fmt.Fprintf(&script, "echo '## %v'\n%s", b, b.text)
		}
	}
	if script.Len() == 0 {
		return ""
	}
	return prelude + script.String()
}

// programs makes a directory for the PATH: vaultkit, vault, and the stand-ins of
// testdata/bin for programs that tests cannot run.
func programs(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	must(t, os.CopyFS(bin, os.DirFS("testdata/bin")))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "vaultkit"), "./cmd/vaultkit")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/vaultkit = %v, want success:\n%s", err, out)
	}
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, filepath.Join(bin, "vault")))
	return bin
}

// workspace is where a page's blocks run.
type workspace struct {
	t   *testing.T
	dir string
	env []string
}

func newWorkspace(t *testing.T, bin string) *workspace {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS("testdata/work")))
	w := &workspace{t: t, dir: dir, env: []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + t.TempDir(),
		"USER=reader",
		"GITHUB_ENV=" + filepath.Join(dir, "github-env"),
		"CI_JOB_URL=https://ci.example.com/jobs/1",
		"VAULTKIT_VAULT_BIN=" + vaulttest.Binary(),
	}}
	writeFile(t, filepath.Join(dir, "github-env"), "")
	w.env = append(w.env, w.startVault(bin)...)
	w.run("vault kv put secret/goblin-assistant/backups/openai-gpt4/20251126120000 api_key=sk-example-0") // as the Python scripts did
	return w
}

// startVault runs "vaultkit dev --seed" until the test ends, and returns the variables
// that it prints.
func (w *workspace) startVault(bin string) []string {
	w.t.Helper()
	args := []string{"dev", "--seed", "--port", "0"}
	if testing.Short() {
		args = append(args, "--in-memory")
	}
	dev := exec.CommandContext(w.t.Context(), filepath.Join(bin, "vaultkit"), args...)
	dev.Env = w.env
	dev.Cancel = func() error { return dev.Process.Signal(syscall.SIGINT) }
	out, err := dev.StdoutPipe()
	must(w.t, err)
	must(w.t, dev.Start())
	w.t.Cleanup(func() { _ = dev.Wait() }) // the test's context has ended
	var env []string
	for lines := bufio.NewScanner(out); len(env) < 2; {
		if !lines.Scan() {
			w.t.Fatalf("vaultkit dev printed %d exports, want 2", len(env))
		}
		env = append(env, strings.ReplaceAll(strings.TrimPrefix(lines.Text(), "export "), "'", ""))
	}
	return env
}

// saveScripts writes the page's blocks that are scripts themselves. Their second line is
// a comment with the file's name.
func (w *workspace) saveScripts(p page) {
	w.t.Helper()
	for _, b := range p.blocks {
		if name := regexp.MustCompile(`^#!/bin/sh\n# (\S+)\n`).FindStringSubmatch(b.text); name != nil {
			must(w.t, os.WriteFile(filepath.Join(w.dir, name[1]), []byte(b.text), 0o700))
		}
	}
}

func (w *workspace) run(script string) {
	w.t.Helper()
	bash := exec.CommandContext(w.t.Context(), "bash", "-c", script)
	bash.Dir, bash.Env = w.dir, w.env
	if out, err := bash.CombinedOutput(); err != nil {
		w.t.Errorf("the last block below = %v, want success:\n%s", err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

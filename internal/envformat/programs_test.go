package envformat_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goblin/vaultkit/internal/envformat"
)

// program is a real reader.
type program struct {
	name, format string
	run          func(t *testing.T, content []byte) variables
}

// The programs run without a PATH in an empty directory, so that a value that is run as a
// command finds nothing.
var realPrograms = []program{
	{"bash", "sh", shell("C.UTF-8", "bash", "--norc", "-c", `. "$0" && exec "$1" -0`)},
	{"bash in the locale C", "sh", shell("C", "bash", "--norc", "-c", `. "$0" && exec "$1" -0`)},
	{"dash", "sh", shell("C.UTF-8", "dash", "-c", `. "$0" && exec "$1" -0`)},
	{"dash in the locale C", "sh", shell("C", "dash", "-c", `. "$0" && exec "$1" -0`)},
	{"fish", "fish", shell("C.UTF-8", "fish", "--no-config", "-c", `source $argv[1]; and exec $argv[2] -0`)},
	{"fish in the locale C", "fish", shell("C", "fish", "--no-config", "-c", `source $argv[1]; and exec $argv[2] -0`)},
	{"npm dotenv 18", "dotenv", node(`require("dotenv").parse(content)`)},
	{"npm dotenv 18 fast", "dotenv", node(`require("dotenv").parse(content, {fast: true})`)},
	{"npm dotenv 16", "dotenv", node(`require("dotenv-16").parse(content)`)},
	{"python-dotenv", "dotenv", python("dotenv", `dict(__import__("dotenv").dotenv_values(sys.argv[1]))`)},
	{"python-dotenv of a text", "dotenv", python("dotenv", `dict(__import__("dotenv").dotenv_values(stream=io.StringIO(open(sys.argv[1], newline="").read())))`)},
	{"node", "json", node(`JSON.parse(content)`)},
}

// TestSh_WorksWithoutQuotes checks that an eval without quotes sets the variables, if the
// values have no white space.
func TestSh_WorksWithoutQuotes(t *testing.T) {
	cat := findProgram(t, "cat")
	want := []envformat.Variable{{Name: "V1", Value: "fake-1"}, {Name: "V2", Value: "it's#a\\$(b)"}, {Name: "V3", Value: "fake-3"}}
	for _, p := range []program{
		{"bash", "sh", shell("C.UTF-8", "bash", "--norc", "-c", `eval $(`+cat+` "$0") && exec "$1" -0`)},
		{"dash", "sh", shell("C.UTF-8", "dash", "-c", `eval $(`+cat+` "$0") && exec "$1" -0`)},
		{"fish", "fish", shell("C.UTF-8", "fish", "--no-config", "-c", `eval (`+cat+` $argv[1]); and exec $argv[2] -0`)},
	} {
		content, err := envformat.Encode(p.format, want)
		if err != nil {
			t.Fatal(err)
		}
		countMismatches(t, p.name, want, p.run(t, content))
	}
}

// findProgram finds a program. If it is not installed, the test is skipped, but fails in CI.
func findProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skipWithout(t, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func skipWithout(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%v, want every consumer where CI is true", err)
	}
	t.Skipf("%v (with CI=true this fails)", err)
}

// shell reads a file with a shell and returns the environment of its child process.
func shell(locale, name string, args ...string) func(*testing.T, []byte) variables {
	return func(t *testing.T, content []byte) variables {
		t.Helper()
		binary, env := findProgram(t, name), findProgram(t, "env")
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary, append(args, file, env)...)
		cmd.Dir, cmd.Env = dir, []string{"LC_ALL=" + locale, "HOME=" + dir, "PATH=/nowhere"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s = %v: %s, want success", binary, err, stderr(err))
		}
		read := variables{}
		for one := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if name, value, _ := strings.Cut(one, "="); strings.HasPrefix(name, "V") && name != "VERSION" {
				read[name] = value
			}
		}
		return read
	}
}

// node returns the value of an expression for the text of a file.
func node(expression string) func(*testing.T, []byte) variables {
	return func(t *testing.T, content []byte) variables {
		t.Helper()
		binary, dir := findProgram(t, "node"), packages(t)
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		script := `const content = require("fs").readFileSync(process.argv[1], "utf8"); process.stdout.write(JSON.stringify(` + expression + `))`
		cmd := exec.CommandContext(t.Context(), binary, "-e", script, file)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s -e %s = %v: %s, want success", binary, script, err, stderr(err))
		}
		var read variables
		if err := json.Unmarshal(out, &read); err != nil {
			t.Fatal(err)
		}
		return read
	}
}

// python returns the value of an expression for the path of a file, with a module of pip. If
// the module is not installed, the test is skipped, also in CI: its grammar is among the
// parsers.
func python(module, expression string) func(*testing.T, []byte) variables {
	return func(t *testing.T, content []byte) variables {
		t.Helper()
		binary, err := exec.LookPath("python3")
		if err != nil || exec.CommandContext(t.Context(), binary, "-c", "import "+module).Run() != nil {
			t.Skipf("there is no python3 with the module %s", module)
		}
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary, "-c", "import io, json, sys; json.dump("+expression+", sys.stdout)", file)
		cmd.Env = []string{"PYTHONUTF8=1", "A=replaced", "HOME=" + t.TempDir()}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s of %s = %v: %s, want success", binary, expression, err, stderr(err))
		}
		var read variables
		if err := json.Unmarshal(out, &read); err != nil {
			t.Fatal(err)
		}
		return read
	}
}

// packages installs the pinned npm packages into the user's cache, once.
func packages(t *testing.T) (dir string) {
	t.Helper()
	npm := findProgram(t, "npm")
	lock, err := os.ReadFile("testdata/npm/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		skipWithout(t, err)
	}
	dir = filepath.Join(cache, "goblin-vaultkit", fmt.Sprintf("npm-%x", sha256.Sum256(lock)))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	fresh, err := os.MkdirTemp(mkdir(t, filepath.Dir(dir)), "npm-") //nolint:usetesting // beside the place it is renamed to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(fresh) })
	if err := os.CopyFS(fresh, os.DirFS("testdata/npm")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = fresh
	if out, err := cmd.CombinedOutput(); err != nil {
		skipWithout(t, fmt.Errorf("npm ci: %w: %s", err, out))
	}
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return dir
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func stderr(err error) []byte {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Stderr
	}
	return nil
}

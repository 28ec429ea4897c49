package devvault

import (
	"archive/zip"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"

	"goblin/vaultkit/internal/short"
)

// TestBuild_ReportsDownloadsAndCompilations builds a program of three modules. One is
// downloaded from a directory that acts as a module proxy, and one is replaced by a
// directory, as the stubs are.
func TestBuild_ReportsDownloadsAndCompilations(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	b, log := fakeModule(t, "package main\n\nimport (\n\t\"example.invalid/dep\"\n\t_ \"example.invalid/stub\"\n)\n\nfunc main() { dep.Hello() }\n")
	t.Setenv("GOPROXY", "file:///"+strings.TrimPrefix(filepath.ToSlash(proxyWithDep(t)), "/"))
	t.Setenv("GONOSUMDB", "example.invalid")
	writeFile(t, filepath.Join(b.source, "go.mod"), "module fake\n\ngo 1.26.0\n\n"+
		"require (\n\texample.invalid/dep v1.0.0\n\texample.invalid/stub v1.0.0\n)\n\nreplace example.invalid/stub => ./stub\n")
	writeFile(t, filepath.Join(b.source, "stub", "go.mod"), "module example.invalid/stub\n\ngo 1.26.0\n")
	writeFile(t, filepath.Join(b.source, "stub", "stub.go"), "package stub // "+rand.Text()+"\n")
	emptyModuleCache(t)
	goIn(t, b.source, "mod", "tidy") // writes go.sum
	emptyModuleCache(t)

	out := filepath.Join(t.TempDir(), "program")
	c := &compilation{source: b.source, temp: t.TempDir(), log: log, every: 10 * time.Millisecond}
	if err := c.run(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^downloading modules: \d+ of at most 1 \(\S+\)$`, `(?m)^downloaded modules: 1 \(\S+\)$`,
		`(?m)^compiling: \d\d+ of \d\d+ packages(, linking)? \(\S+\)$`,
	} {
		if !regexp.MustCompile(want).MatchString(log.String()) {
			t.Errorf("run logs\n%s\nwant a match of %s", log, want)
		}
	}
	if n := toCompile(t, log); n < 3 {
		t.Errorf("%d packages to compile, want at least those of the three modules:\n%s", n, log)
	}
	if said, err := exec.CommandContext(t.Context(), out).CombinedOutput(); err != nil || string(said) != "hello from dep\n" {
		t.Errorf("the program prints %q, %v, want %q", said, err, "hello from dep\n")
	}

	again := &logbuffer.Buffer{}
	c.log, c.every = again, time.Minute
	if err := c.run(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if n := toCompile(t, again); n != 1 || strings.Contains(again.String(), "download") {
		t.Errorf("a second build compiles %d packages, want the program alone, and nothing to download:\n%s", n, again)
	}
}

// toCompile returns from a build's log how many packages were not in the build cache.
func toCompile(t *testing.T, log *logbuffer.Buffer) int {
	t.Helper()
	var all, cached int
	_, line, _ := strings.Cut("\n"+log.String(), "\ncompiling: ")
	if _, err := fmt.Sscanf(line, "%d packages, %d of them are in the build cache", &all, &cached); err != nil {
		t.Fatalf("Sscanf = %v, want the number of packages in the log:\n%s", err, log)
	}
	return all - cached
}

// proxyWithDep returns a directory that acts as a module proxy with one module.
func proxyWithDep(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	versions := filepath.Join(dir, "example.invalid", "dep", "@v")
	const mod = "module example.invalid/dep\n\ngo 1.26.0\n"
	writeFile(t, filepath.Join(versions, "v1.0.0.info"), `{"Version":"v1.0.0"}`)
	writeFile(t, filepath.Join(versions, "v1.0.0.mod"), mod)
	archive, err := os.Create(filepath.Join(versions, "v1.0.0.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	w := zip.NewWriter(archive)
	for name, text := range map[string]string{
		"go.mod": mod,
		// New each time, so that the build cache does not have it.
		"dep.go": "package dep // " + rand.Text() + "\n\nfunc Hello() { println(\"hello from dep\") }\n",
	} {
		f, err := w.Create("example.invalid/dep@v1.0.0/" + name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// emptyModuleCache gives the go command an empty module cache.
func emptyModuleCache(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("GOMODCACHE", dir)
	t.Cleanup(func() { // its files are read-only, which t.TempDir cannot remove
		cmd := exec.Command("go", "clean", "-modcache")
		cmd.Env = append(os.Environ(), "GOMODCACHE="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go clean -modcache = %v, want success:\n%s", err, out)
		}
	})
}

func goIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v = %v, want success:\n%s", args, err, out)
	}
}

// TestBuild_ErrorNamesAMissingModule checks that the error contains the go command's
// output of a failed download.
func TestBuild_ErrorNamesAMissingModule(t *testing.T) {
	b, _ := fakeModule(t, "package main\n\nimport _ \"example.invalid/nowhere\"\n\nfunc main() {}\n")
	_, err := b.build(t.Context())
	if err == nil || !strings.Contains(err.Error(), "example.invalid/nowhere") || !strings.Contains(err.Error(), "go list") {
		t.Errorf("b.build() = %v, want an error that names the package", err)
	}
}

func TestLineFilter_KeepsOtherLines(t *testing.T) {
	var taken []string
	l := lineFilter{each: func(line string) bool {
		if !strings.HasPrefix(line, "take ") {
			return false
		}
		taken = append(taken, line)
		return true
	}}
	for _, text := range []string{"take 1\nkee", "p 1\n", "\ntake 2", "\r\nkeep 2\nand the ", "end"} {
		if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("Write(%q) = %d, %v, want %d, nil", text, n, err, len(text))
		}
	}
	if got, want := strings.Join(taken, "|"), "take 1|take 2"; got != want {
		t.Errorf("taken %q, want %q", got, want)
	}
	if got, want := string(l.rest()), "keep 1\n\nkeep 2\nand the end"; got != want {
		t.Errorf("rest() = %q, want %q", got, want)
	}
}

package devvault

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"

	"goblin/vaultkit/internal/short"
)

// fakeModule creates a module that builds in a second instead of minutes.
func fakeModule(t *testing.T, program string) (b builder, log *logbuffer.Buffer) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module fake\n\ngo 1.26.0\n")
	writeFile(t, filepath.Join(dir, "main.go"), program)
	log = &logbuffer.Buffer{}
	return builder{source: dir, cache: filepath.Join(t.TempDir(), "cache"), log: log}, log
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBuild_OnceForAllProcesses(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	b, log := fakeModule(t, "package main\n\nfunc main() { println(\"it runs\") }\n")
	paths := make([]string, 4)
	var wg sync.WaitGroup
	for i := range paths {
		wg.Go(func() {
			path, err := b.build(t.Context())
			if err != nil {
				t.Errorf("build = %v, want success", err)
			}
			paths[i] = path
		})
	}
	wg.Wait()
	for _, path := range paths {
		if path != paths[0] {
			t.Errorf("build returns the paths %q, want the same from all", paths)
		}
	}
	if n := strings.Count(log.String(), "built the dev Vault in "); n != 1 {
		t.Errorf("%d builds, want 1; log:\n%s", n, log)
	}
	out, err := exec.CommandContext(t.Context(), paths[0]).CombinedOutput()
	if err != nil || string(out) != "it runs\n" {
		t.Errorf("the binary prints %q, %v, want its text", out, err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.cache, "*partial*")); len(left) > 0 {
		t.Errorf("the cache has the extra files %q, want none", left)
	}
}

func TestBuild_AgainAfterASourceChange(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	b, _ := fakeModule(t, "package main\n\nfunc main() {}\n")
	keys := map[string]string{}
	for _, change := range []struct{ file, text string }{
		{"README", "not source"},
		{"main.go", "package main\n\nfunc main() { println() }\n"},
		{"go.sum", "example.com/x v1.0.0 h1:x=\n"},
		{"more.go", "package main\n"},
		{"stubs/x/x.go", "package x\n"},
		{"stubs/x/x.go", "package x // changed\n"},
	} {
		before, err := b.key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(b.source, change.file), change.text)
		after, err := b.key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if changed := before != after; changed == (change.file == "README") {
			t.Errorf("changing %s changes the key: %t, want %t", change.file, changed, !changed)
		}
		keys[after] = change.file
	}
	if len(keys) != 6 {
		t.Errorf("keys = %v, want a different one for each change", keys)
	}
}

func TestKey_DependsOnCompilerSettings(t *testing.T) {
	b, _ := fakeModule(t, "package main\n\nfunc main() {}\n")
	keys := map[string]bool{}
	for _, setting := range []string{
		"GOAMD64=v1", "GOAMD64=v3", "GOARM64=v8.1", "GOEXPERIMENT=nosimd", "GOFIPS140=v1.0.0",
	} {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
		key, err := b.key(t.Context())
		if err != nil {
			t.Fatalf("key with %s = %v, want no error", setting, err)
		}
		if keys[key] {
			t.Errorf("key with %s is the same, want another one", setting)
		}
		keys[key] = true
	}
}

func TestKey_FollowsALink(t *testing.T) {
	b, _ := fakeModule(t, "package main\n\nfunc main() {}\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(b.source, link); err != nil {
		t.Fatal(err)
	}
	direct, err1 := b.key(t.Context())
	linked, err2 := builder{source: link}.key(t.Context())
	if err := errors.Join(err1, err2); err != nil || linked != direct {
		t.Errorf("key = %q through a link and %q without, %v, want the same", linked, direct, err)
	}
	if key, err := (builder{source: t.TempDir()}).key(t.Context()); err == nil {
		t.Errorf("key of an empty directory = %q, want an error", key)
	}
}

func TestBuild_ErrorHasTheCompilerOutput(t *testing.T) {
	b, _ := fakeModule(t, "package main\n\nfunc main() { undefinedName() }\n")
	path, err := b.build(t.Context())
	if err == nil {
		t.Fatalf("build = %s, want an error", path)
	}
	for _, want := range []string{"undefined: undefinedName", "main.go:3", b.source} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %[2]v, want %[1]q in it", want, err)
		}
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		t.Errorf("build = %v, want the compiler's exit status wrapped", err)
	}
	// A failure must not leave the lock, nor anything that passes for a binary.
	writeFile(t, filepath.Join(b.source, "fix.go"), "package main\n\nfunc undefinedName() {}\n")
	if _, err := b.build(t.Context()); err != nil {
		t.Errorf("build after the fix = %v, want no error", err)
	}
}

func TestBuild_WaitsForAnotherProcess(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	b, log := fakeModule(t, "package main\n\nfunc main() {}\n")
	holder := holdLock(t, lockPath(t, b))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, err := b.build(ctx)
		result <- err
	}()
	awaitLog(t, log, "waiting for another process that is building the dev Vault")

	// The holder dies without giving the lock back, as a killed test would.
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if err := <-result; err != nil {
		t.Errorf("build after the lock's holder was killed = %v, want no error", err)
	}
}

func TestBuild_WaitEndsWithItsContext(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	b, log := fakeModule(t, "package main\n\nfunc main() {}\n")
	unlock, err := tryLock(lockPath(t, b))
	if err != nil || unlock == nil {
		t.Fatalf("lock = %v, want no error", err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, err := b.build(ctx)
		result <- err
	}()
	awaitLog(t, log, "waiting")
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

func TestBuild_RemovesLeftovers(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	b, _ := fakeModule(t, "package main\n\nfunc main() {}\n")
	left := strings.TrimSuffix(lockPath(t, b), ".lock") + ".partial-123"
	writeFile(t, filepath.Join(left, "vault"), "half a binary")
	if _, err := b.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(%s) = %v, want it removed", left, err)
	}
}

func TestFindSourceAbove(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "go.mod"), "module goblin/vaultkit\n\ngo 1.26.0\n")
	want := filepath.Join(root, "internal", "devvault", "server")
	writeFile(t, filepath.Join(want, "go.mod"), "module goblin/vaultkit/internal/devvault/server\n")
	nested := filepath.Join(root, "test", "nested")
	writeFile(t, filepath.Join(nested, "go.mod"), "module goblin/vaultkit/test/nested\n")
	for _, from := range []string{root, want, nested} {
		if got, ok := findSourceAbove(from); !ok || got != want {
			t.Errorf("findSourceAbove(%s) = %q, %v, want the module's source", from, got, ok)
		}
	}
	if got, ok := findSourceAbove(t.TempDir()); ok {
		t.Errorf("findSourceAbove without a module = %q, want none", got)
	}
}

func TestFindSource_UsesAReplacement(t *testing.T) {
	root, err := findSource(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root = strings.TrimSuffix(root, filepath.FromSlash("/"+serverDir))
	consumer := t.TempDir()
	writeFile(t, filepath.Join(consumer, "go.mod"), "module consumer\n\ngo 1.26.0\n\n"+
		"require goblin/vaultkit v0.0.0\n\nreplace goblin/vaultkit => "+root+"\n")
	t.Chdir(consumer)
	got, err := findSource(t.Context())
	if err != nil || got != filepath.Join(root, filepath.FromSlash(serverDir)) {
		t.Errorf("findSource = %q, %v, want the replacement", got, err)
	}
}

func TestStart_WithoutSourceSaysWhatToDo(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(binVariable, "")
	_, err := Start(t.Context(), Options{Log: &logbuffer.Buffer{}})
	if !errors.Is(err, ErrNoServer) {
		t.Fatalf("Start without a source = %v, want ErrNoServer", err)
	}
	for _, want := range []string{binVariable, "vault or bao on PATH"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %[2]v, want %[1]q in it", want, err)
		}
	}
}

// lockPath returns the path of b's lock and creates its directory.
func lockPath(t *testing.T, b builder) string {
	t.Helper()
	key, err := b.key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(b.cache, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(b.cache, "vault-"+key+exeSuffix()+".lock")
}

// holdLock starts another process that holds the lock.
func holdLock(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd, line := startRole(t, "hold-lock", path)
	if line != "locked" {
		t.Fatalf("the other process prints %q, want that it holds the lock", line)
	}
	return cmd
}

// startRole starts this test binary in another role and returns its first line.
func startRole(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

func awaitLog(t *testing.T, log *logbuffer.Buffer, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := poll(ctx, pollEvery, func() (bool, error) { return strings.Contains(log.String(), want), nil })
	if err != nil {
		t.Fatalf("waiting for the log = %v, want %q in\n%s", err, want, log)
	}
}

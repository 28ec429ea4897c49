package devvault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// builder compiles a server once and keeps the binary.
type builder struct {
	source string // directory of the server's module
	cache  string // directory of the binaries
	log    io.Writer
}

// build returns the path of the binary and compiles it the first time. Test packages are
// separate processes that start at the same time, so one of them compiles and the others
// wait.
func (b builder) build(ctx context.Context) (string, error) {
	key, err := b.key(ctx)
	if err != nil {
		return "", err
	}
	target := filepath.Join(b.cache, "vault-"+key+exeSuffix())
	if isFile(target) {
		return target, nil
	}
	if err := os.MkdirAll(b.cache, 0o700); err != nil {
		return "", fmt.Errorf("cache directory: %w", err)
	}
	unlock, err := b.waitForLock(ctx, target+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(target) { // another process built it meanwhile
		return target, nil
	}
	return target, b.compile(ctx, target)
}

// keySettings are the go command's settings that change the binary.
var keySettings = []string{"GOVERSION", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140"}

// key returns a name for the binary that depends on all of its inputs.
func (b builder) key(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"env"}, keySettings...)...)
	cmd.Dir, cmd.Env = b.source, buildEnv()
	settings, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("building the dev Vault needs the go command: install it, or set %s to a vault or bao binary: %w",
			binVariable, commandError(err))
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s%s/%s %q\n", settings, runtime.GOOS, runtime.GOARCH, buildFlags)
	if err := hashSource(sum, b.source); err != nil {
		return "", fmt.Errorf("source of the dev Vault: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// hashSource writes the server's source files and its stubs' to w, sorted by name.
func hashSource(w io.Writer, dir string) error {
	source := os.DirFS(dir)
	found := 0
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isSource(entry.Name()) {
			return err
		}
		found++
		text, err := fs.ReadFile(source, path)
		fmt.Fprintf(w, "%s %d\n%s\n", path, len(text), text)
		return err
	})
	if err == nil && found == 0 {
		err = fmt.Errorf("%s has no Go files", dir)
	}
	return err
}

func isSource(name string) bool {
	return name == "go.mod" || name == "go.sum" || filepath.Ext(name) == ".go"
}

// waitForLock waits until only this process may build.
func (b builder) waitForLock(ctx context.Context, path string) (unlock func(), err error) {
	said := progress{log: b.log, start: time.Now()}
	err = poll(ctx, 100*time.Millisecond, func() (bool, error) {
		unlock, err = tryLock(path)
		if err != nil {
			return false, fmt.Errorf("lock %s: %w", path, err)
		}
		if unlock == nil {
			said.waiting("waiting for another process that is building the dev Vault (it holds " + path + ")")
		}
		return unlock != nil, nil
	})
	if err != nil {
		return nil, err
	}
	return unlock, nil
}

// compile builds in a temporary directory and renames the result, so that no process sees
// a partial binary.
func (b builder) compile(ctx context.Context, target string) error {
	b.removeLeftovers(target)
	dir, err := os.MkdirTemp(b.cache, filepath.Base(target)+".partial-")
	if err != nil {
		return fmt.Errorf("building the dev Vault: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	start := time.Now()
	fmt.Fprintf(b.log, "building the dev Vault, once, into %s\n", target)
	partial := filepath.Join(dir, filepath.Base(target))
	if err := (&compilation{source: b.source, temp: dir, log: b.log, every: progressEvery}).run(ctx, partial); err != nil {
		return fmt.Errorf("building the dev Vault in %s failed: %w", b.source, err)
	}
	if err := os.Rename(partial, target); err != nil {
		return fmt.Errorf("building the dev Vault: %w", err)
	}
	fmt.Fprintf(b.log, "built the dev Vault in %s\n", time.Since(start).Round(time.Second))
	return nil
}

// removeLeftovers removes the directories of killed builds. The caller holds the lock, so
// no such build is running.
func (b builder) removeLeftovers(target string) {
	leftovers, _ := filepath.Glob(target + ".partial-*")
	for _, dir := range leftovers {
		_ = os.RemoveAll(dir)
	}
}

// progress writes a line at once, and again every progressEvery.
type progress struct {
	log   io.Writer
	start time.Time
	next  time.Time
}

func (p *progress) waiting(what string) {
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	if p.next.IsZero() {
		fmt.Fprintf(p.log, "%s…\n", what)
	} else {
		fmt.Fprintf(p.log, "still %s (%s)…\n", what, now.Sub(p.start).Round(time.Second))
	}
	p.next = now.Add(progressEvery)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

func trimLine(text []byte) string { return strings.TrimSpace(string(text)) }

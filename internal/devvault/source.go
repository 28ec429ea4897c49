package devvault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// module is this package's module, and serverDir the directory in it with the pinned
// server's module.
const (
	module    = "goblin/vaultkit"
	serverDir = "internal/devvault/server"
)

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?` + regexp.QuoteMeta(module) + `"?\s*(//.*)?$`)

// findSource returns the directory of the pinned server's source.
//
// It cannot use the path that runtime.Caller returns, because under -trimpath that is not
// a path on disk. So it looks for the checkout around the working directory, where tests
// run, and then asks the go command, which knows a replacement in the using module.
func findSource(ctx context.Context) (string, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if dir, ok := findSourceAbove(cwd); ok {
		return dir, nil
	}
	dir, err := findRequiredSource(ctx)
	if err != nil {
		return "", &missingSourceError{err}
	}
	return dir, nil
}

// ErrNoServer is the error of a start without a server program and without the source of one.
var ErrNoServer = errors.New("no vault server to run")

// missingSourceError says what to do. It is an ErrNoServer, and Unwrap returns the go command's error.
type missingSourceError struct{ cause error }

func (*missingSourceError) Error() string {
	return ErrNoServer.Error() + ": the source of the pinned server is missing: " +
		"run this in a checkout of " + module + ", set " + binVariable + " to a vault or bao binary, or put vault or bao on PATH"
}

func (e *missingSourceError) Is(target error) bool { return target == ErrNoServer }

func (e *missingSourceError) Unwrap() error { return e.cause }

// findSourceAbove looks for the module in dir and its parents. It ignores nested modules
// on the way.
func findSourceAbove(dir string) (string, bool) {
	for {
		if source, ok := sourceIn(dir); ok {
			return source, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// sourceIn reports whether dir is the module's root and contains the server's source. A
// copy in the module cache does not contain it.
func sourceIn(dir string) (string, bool) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !moduleLine.Match(text) {
		return "", false
	}
	source := filepath.Join(dir, filepath.FromSlash(serverDir))
	_, err = os.Stat(filepath.Join(source, "go.mod"))
	return source, err == nil
}

func findRequiredSource(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, commandError(err))
	}
	root := trimLine(out)
	if root == "" {
		return "", fmt.Errorf("go list -m %s: not downloaded", module)
	}
	source, ok := sourceIn(root)
	if !ok {
		return "", fmt.Errorf("%s has no %s", root, serverDir)
	}
	return source, nil
}

// commandError adds the command's stderr to its error.
func commandError(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, trimLine(exit.Stderr))
	}
	return err
}

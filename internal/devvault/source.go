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

// module is the module this package belongs to, and serverDir where in it the
// pinned server's module is.
const (
	module    = "goblin/vaultkit"
	serverDir = "internal/devvault/server"
)

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?` + regexp.QuoteMeta(module) + `"?\s*(//.*)?$`)

// findSource returns the directory of the pinned server's source.
//
// The path of this very file, which runtime.Caller would give, is of no use: it
// is not a path on disk under -trimpath. So we look for the checkout around the
// working directory (tests run in their package's directory), then ask the go
// command, which knows of a replacement in the consuming module.
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

// noSourceError says what to do; why the go command knows no better is for
// whoever unwraps it.
type missingSourceError struct{ cause error }

func (*missingSourceError) Error() string {
	return "no vault server to run: the source of the pinned one is not here: " +
		"run this in a checkout of " + module + ", set " + binVariable + " to a vault or bao binary, or put vault or bao on PATH"
}

func (e *missingSourceError) Unwrap() error { return e.cause }

// sourceAbove looks for the module in dir and the directories above it. Nested
// modules on the way are passed by.
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

// sourceIn reports whether dir is the module's root and has the server's
// source, which a copy in the module cache has not.
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

// commandError adds what a command said before it failed.
func commandError(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, trimLine(exit.Stderr))
	}
	return err
}

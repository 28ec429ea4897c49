package devvault

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// binVariable is the environment variable that names the server's binary.
const binVariable = "VAULTKIT_VAULT_BIN"

// binary is a Vault server's binary.
type binary struct {
	path   string
	pinned bool // built from internal/devvault/server, so its features are known
}

// findBinary returns the binary to run: the one that the environment names, one on PATH if
// wanted, or the pinned one, which it builds if needed.
func findBinary(ctx context.Context, o Options) (binary, error) {
	if name := os.Getenv(binVariable); name != "" {
		return namedBinary(name, o.Log)
	}
	if o.UsePath {
		if path, ok := binaryOnPath(); ok {
			fmt.Fprintf(o.Log, "using %s, found on PATH\n", path)
			return binary{path: path}, nil
		}
	}
	return pinnedBinary(ctx, o.Log)
}

// namedBinary resolves the environment variable's value, a path or a name on PATH.
func namedBinary(name string, log io.Writer) (binary, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return binary{}, fmt.Errorf("%s=%s is not an executable program: set it to a vault or bao binary, or unset it: %w",
			binVariable, name, err)
	}
	fmt.Fprintf(log, "using %s, named by %s\n", path, binVariable)
	return binary{path: path}, nil
}

func binaryOnPath() (string, bool) {
	for _, name := range []string{"vault", "bao"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// pinnedBinary returns the server built from internal/devvault/server.
func pinnedBinary(ctx context.Context, log io.Writer) (binary, error) {
	source, err := findSource(ctx)
	if err != nil {
		return binary{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return binary{}, fmt.Errorf("no cache directory for the dev Vault: set %s to a vault or bao binary instead: %w", binVariable, err)
	}
	b := builder{source: source, cache: filepath.Join(cache, "goblin-vaultkit"), log: log}
	path, err := b.build(ctx)
	return binary{path: path, pinned: true}, err
}

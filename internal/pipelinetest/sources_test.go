package pipelinetest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// sources returns a git repository with the current files of vaultkit, also uncommitted ones,
// for jobs to check out.
func sources(t *testing.T) string {
	t.Helper()
	copied.once.Do(func() { copied.dir, copied.err = copySources() })
	must(t, copied.err)
	return copied.dir
}

var copied struct {
	once sync.Once
	dir  string
	err  error
}

// copySources does not remove its directory: run removes the directory around it.
func copySources() (string, error) {
	dir := filepath.Join(filepath.Dir(vaultkit), "sources")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || strings.HasPrefix(name, ".git") && name != "." || name == "internal/pipelinetest" {
			if err == nil && entry.IsDir() {
				return fs.SkipDir
			}
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o600)
	})
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid", "-c", "commit.gpgsign=false", "commit", "-qm", "all"},
	} {
		if err == nil {
			err = exec.Command("git", append([]string{"-C", dir}, args...)...).Run()
		}
	}
	return dir, err
}

// head returns the only commit of sources.
func head(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", sources(t), "rev-parse", "HEAD").Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

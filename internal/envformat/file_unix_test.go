//go:build unix

package envformat_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/envformat"
)

// TestWrite_SetsTheModeForItsOwner checks that only the owner can read the file, with every
// umask and every earlier mode.
func TestWrite_SetsTheModeForItsOwner(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, ".env.vault")
		for range 2 {
			syscall.Umask(umask)
			err := write(path, "sh", oneVariable)
			syscall.Umask(0)
			if err != nil {
				t.Fatal(err)
			}
			about, err := os.Stat(path)
			if err != nil || about.Mode() != 0o600 {
				t.Fatalf("with the umask %o Stat = %v, %v, want the mode %v", umask, about.Mode(), err, os.FileMode(0o600))
			}
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOpen_RefusesLinks checks that nothing is written through a link, or over something that
// is not a regular file.
func TestOpen_RefusesLinks(t *testing.T) {
	for name, arrange := range map[string]func(path, victim string) error{
		"link": func(path, victim string) error { return os.Symlink(victim, path) },
		"link to nowhere": func(path, victim string) error {
			return errors.Join(os.Remove(victim), os.Symlink(victim, path))
		},
		"directory": func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"pipe":      func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		for _, format := range []string{"sh", "github"} {
			dir := t.TempDir()
			path, victim := filepath.Join(dir, ".env.vault"), filepath.Join(t.TempDir(), "victim")
			put(t, victim, "")
			if err := arrange(path, victim); err != nil {
				t.Fatal(err)
			}
			why, ok := errors.AsType[*envformat.Refusal](write(path, format, oneVariable))
			if !ok || !strings.Contains(why.Detail, path) || strings.Contains(name, "link") != strings.Contains(why.Detail, "symbolic link") {
				t.Errorf("%s: write as %s = %v, want a refusal that names the path", name, format, why)
			}
			if text, err := os.ReadFile(victim); err == nil && len(text) > 0 {
				t.Errorf("%s: after write as %s the other file holds %q, want nothing", name, format, text)
			}
			assertFiles(t, dir, ".env.vault")
		}
	}
}

// TestWrite_KeepsAnotherHardLink checks that another hard link of the file keeps the old
// content.
func TestWrite_KeepsAnotherHardLink(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := write(path, "sh", nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	if err := write(path, "sh", oneVariable); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(content(t, other), "fake") {
		t.Errorf("write over a hard link: the other name holds %q, want its old text", content(t, other))
	}
}

func TestOpen_RefusesWorldWritableDirectories(t *testing.T) {
	for mode, refused := range map[os.FileMode]bool{
		0o777: true, 0o777 | os.ModeSticky: true, 0o702: true, 0o775: false, 0o755: false, 0o700: false,
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, ".env.vault")
		err := write(path, "sh", oneVariable)
		if _, ok := errors.AsType[*envformat.Refusal](err); ok != refused || !refused && err != nil {
			t.Errorf("write into a directory of mode %v = %v, want a refusal: %t", mode, err, refused)
		}
		if _, err := os.Stat(path); (err != nil) != refused {
			t.Errorf("after write into a directory of mode %v Stat = %v, want an error: %t", mode, err, refused)
		}
	}
	if err := write(filepath.Join(os.TempDir(), "vaultkit-test-env"), "sh", oneVariable); err == nil {
		t.Error("write into the system's directory for temporary files = nil, want an error")
	}
}

// TestOpen_RefusesALinkedDirectory checks symbolic links to directories: their owners could
// change where keys are written.
func TestOpen_RefusesALinkedDirectory(t *testing.T) {
	top := t.TempDir()
	own := filepath.Join(top, "own")
	if err := errors.Join(os.MkdirAll(filepath.Join(own, "inner"), 0o700), os.Symlink("own", filepath.Join(top, "link"))); err != nil {
		t.Fatal(err)
	}
	refusedAsLinked := func(path string) bool {
		why, ok := errors.AsType[*envformat.Refusal](write(path, "sh", oneVariable))
		return ok && strings.Contains(why.Detail, "symbolic link") && strings.Contains(why.Detail, path)
	}
	for _, path := range []string{filepath.Join(top, "link", ".env"), top + "/link/./.env", top + "/own/../link//.env"} {
		if !refusedAsLinked(path) {
			t.Errorf("write(%q) = no refusal, want one for the symbolic link", path)
		}
	}
	t.Chdir(top)
	if !refusedAsLinked("link/.env") {
		t.Errorf("write(%q) = no refusal, want one for the symbolic link", "link/.env")
	}
	assertFiles(t, own, "inner")
	// A symbolic link of the same user further up, such as a linked home, is allowed.
	for _, path := range []string{filepath.Join(top, "link", "inner", ".env"), filepath.Join(own, ".env"), "own/.env2"} {
		if err := write(path, "sh", oneVariable); err != nil {
			t.Errorf("Open(%s) = %v, want no error", path, err)
		}
	}
	if os.Geteuid() != 0 {
		return // the rest needs another user's files
	}
	if err := os.Lchown(filepath.Join(top, "link"), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if !refusedAsLinked(filepath.Join(top, "link", "inner", ".env")) {
		t.Error("write through a symbolic link of another user = no refusal, want one")
	}
}

// TestOpen_RefusesADirectoryOfAnotherUser: the other user could replace the file that is read
// later.
func TestOpen_RefusesADirectoryOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	for owner, refused := range map[int]bool{0: false, 12345: true} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "env"), "")
		if err := errors.Join(os.Chmod(filepath.Join(dir, "env"), 0o600), os.Chmod(dir, 0o755), os.Chown(dir, owner, owner)); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"sh", "github"} {
			path := filepath.Join(dir, "env")
			why, ok := errors.AsType[*envformat.Refusal](write(path, format, oneVariable))
			if ok != refused || refused && !strings.Contains(why.Detail, "another user") {
				t.Errorf("Open(%s, %s) in a directory of user %d: %v, want refused: %v", path, format, owner, why, refused)
			}
		}
		t.Setenv("GITHUB_ENV", filepath.Join(dir, "env")) // the runner's own file, in any directory
		if err := write(filepath.Join(dir, "env"), "github", oneVariable); err != nil {
			t.Errorf("Open of $GITHUB_ENV in a directory of user %d = %v, want no error", owner, err)
		}
		t.Setenv("GITHUB_ENV", "")
	}
}

// TestOpen_AppendsOnlyToPrivateFiles checks that the runner's file is accepted as it is. Any
// other file must be safe: no other user can read, write or replace it.
func TestOpen_AppendsOnlyToPrivateFiles(t *testing.T) {
	for _, tc := range []struct {
		file, dir os.FileMode
		refused   bool
	}{
		{0o600, 0o700, false}, {0o600, 0o755, false}, {0o644, 0o700, true}, {0o640, 0o700, true}, {0o620, 0o700, true}, {0o602, 0o700, true},
		{0o600, 0o777, true},
	} {
		dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
		path := filepath.Join(dir, "env")
		put(t, path, "")
		put(t, other, "")
		if err := errors.Join(os.Chmod(path, tc.file), os.Chmod(dir, tc.dir)); err != nil {
			t.Fatal(err)
		}
		for runner, refused := range map[string]bool{"": tc.refused, other: tc.refused, path: false, filepath.Join(dir, ".", "env"): false} {
			t.Setenv("GITHUB_ENV", runner)
			before := content(t, path)
			err := write(path, "github", oneVariable)
			why, ok := errors.AsType[*envformat.Refusal](err)
			if ok != refused || !refused && err != nil || refused && (why.Hint == "" || content(t, path) != before) {
				t.Errorf("write to %v in %v with $GITHUB_ENV %q = %v, want a refusal: %t", tc.file, tc.dir, runner, err, refused)
			}
		}
	}
}

// TestWrite_AFailureLeavesNoFile checks that a write that fails at its last step leaves no file
// with secrets.
func TestWrite_AFailureLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env.vault")
	target, err := envformat.Open(path, "sh")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if err := os.Mkdir(path, 0o700); err != nil { // after Open
		t.Fatal(err)
	}
	if err := target.Write(oneVariable); err == nil {
		t.Error("Write over a new directory = nil, want an error")
	}
	assertFiles(t, dir, ".env.vault")
}

// TestWrite_UsesTheOpenedDirectory checks that the file is written into the directory that Open
// checked, even if its path leads elsewhere by then.
func TestWrite_UsesTheOpenedDirectory(t *testing.T) {
	dir, trap := filepath.Join(t.TempDir(), "dir"), t.TempDir()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	target, err := envformat.Open(filepath.Join(dir, "a"), "sh")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if err := errors.Join(os.Rename(dir, dir+"2"), os.Symlink(trap, dir), target.Write(oneVariable)); err != nil {
		t.Fatal(err)
	}
	assertFiles(t, trap)
	assertFiles(t, dir+"2", "a")
}

package envformat

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"goblin/vaultkit/internal/fileowner"
)

// Target is a file that may be written. Its checks are done, and its directory is open.
type Target struct {
	dir          *os.Root // stays the same directory if its path is changed meanwhile
	name, format string
}

// Open checks that a file may be written. It refuses a symbolic link, a directory of another
// user or one that everybody can write to, and a file that vaultkit did not write. In a format
// that adds to files, the file must exist: either it is the one of $GITHUB_ENV, or only its
// owner can read it.
func Open(path, format string) (*Target, error) {
	if err := CheckFormat(format); err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	if path == "" || strings.HasSuffix(path, string(filepath.Separator)) || name == "." || name == ".." {
		return nil, &Refusal{Detail: "the path names no file", Hint: "give the name of a file, such as .env.vault"}
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	t := &Target{dir, name, format}
	if err := t.check(path); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close closes the directory.
func (t *Target) Close() { _ = t.dir.Close() }

func (t *Target) check(path string) error {
	about, err := t.dir.Lstat(t.name)
	switch appended := IsAppended(t.format); {
	case errors.Is(err, fs.ErrNotExist) && appended:
		return fileRefusal(path, "does not exist", "use the file that $GITHUB_ENV names")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && about.Mode()&fs.ModeSymlink != 0:
		return fileRefusal(path, "is a symbolic link", "use the path of the file itself")
	case err == nil && !about.Mode().IsRegular():
		return fileRefusal(path, "is not a regular file", "choose another path")
	case appended && t.isRunnerFile(about):
		return nil // the runner controls the modes of the file and its directory
	case appended && about.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return fileRefusal(path, "can be read or written by other users, and is not the file that $GITHUB_ENV names", "run chmod 600 on it, or use another file")
	}
	if err := t.checkDirectory(path); err != nil || IsAppended(t.format) {
		return err
	}
	ours, err := t.isReplaceable()
	if err == nil && !ours {
		err = fileRefusal(path, "exists, and vaultkit did not write it", "delete it, or choose another path")
	}
	return err
}

func fileRefusal(path, detail, hint string) error {
	return &Refusal{Detail: path + " " + detail, Hint: hint}
}

// checkDirectory refuses a directory in which another user could have created or could replace
// the file, and one that another user's symbolic link leads to.
func (t *Target) checkDirectory(path string) error {
	about, err := t.dir.Stat(".")
	if err != nil {
		return err
	}
	linked, err := reachedByLink(filepath.Dir(path), about)
	owner, owned := fileowner.ID(about)
	switch {
	case err != nil:
		return err
	case about.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows": // Windows has no such bit
		return fileRefusal(path, "would be in a directory that everybody can write to", "choose a directory of your own")
	case owned && isOtherUser(owner):
		return fileRefusal(path, "would be in a directory of another user", "choose a directory of your own")
	case linked:
		return fileRefusal(path, "would be in a directory that a symbolic link leads to", "use the path of the directory itself")
	}
	return nil
}

// isRunnerFile reports whether the file is the one of $GITHUB_ENV.
func (t *Target) isRunnerFile(about fs.FileInfo) bool {
	runner, err := os.Stat(os.Getenv("GITHUB_ENV")) //nolint:gosec // only to compare it
	return err == nil && os.SameFile(runner, about)
}

// reachedByLink reports whether the path of an open directory is a symbolic link, or contains
// one of another user, who could change where it leads.
func reachedByLink(path string, held fs.FileInfo) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	about, err := os.Lstat(path)
	if err != nil || !os.SameFile(about, held) {
		return err == nil, err
	}
	for parent := filepath.Dir(path); parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
		about, err := os.Lstat(parent)
		if err != nil {
			return false, err
		}
		owner, owned := fileowner.ID(about)
		if about.Mode()&fs.ModeSymlink != 0 && owned && isOtherUser(owner) {
			return true, nil
		}
	}
	return false, nil
}

// isOtherUser reports whether the owner is another user. Root does not count, because root can
// do everything anyway.
func isOtherUser(owner int) bool { return owner != 0 && owner != os.Geteuid() }

// isReplaceable reports whether replacing the file loses nothing: it is missing or empty, or
// starts with a mark.
func (t *Target) isReplaceable() (bool, error) {
	file, err := t.dir.Open(t.name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	first, err := bufio.NewReader(io.LimitReader(file, int64(len(mark)))).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return first == "" || first == mark || first == jsonMark, nil
}

// Write writes all variables or none. Only the owner can read the file.
func (t *Target) Write(variables []Variable) error {
	content, err := Encode(t.format, variables)
	if err != nil {
		return err
	}
	if IsAppended(t.format) {
		return t.appendToFile(content)
	}
	return t.replaceFile(withMark(t.format, content))
}

// replaceFile writes a temporary file and renames it. Until then the old file is unchanged.
func (t *Target) replaceFile(content []byte) (err error) {
	temporary := fmt.Sprintf(".%s.%s", t.name, rand.Text())
	file, err := t.dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.dir.Remove(temporary))
		}
	}()
	_, err = file.Write(content)
	// The umask may have removed the owner's permissions.
	if err = errors.Join(err, file.Chmod(0o600), file.Sync(), file.Close()); err != nil {
		return err
	}
	return t.dir.Rename(temporary, t.name)
}

// appendToFile adds to the file, starting on a new line.
func (t *Target) appendToFile(content []byte) error {
	file, err := t.dir.OpenFile(t.name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	about, err := file.Stat()
	if err != nil {
		return err
	}
	if size := about.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			content = append([]byte("\n"), content...)
		}
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

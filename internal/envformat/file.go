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
)

// Target is a file that may be written: it was looked at, and its directory is held.
type Target struct {
	dir          *os.Root // of this very directory, wherever its name leads to later
	name, format string
}

// Open looks at a path and refuses one where a file in this format must not be
// written: through a symlink, in a directory of somebody else's or that everybody can
// write to, or over something that is not ours. Formats whose files belong to somebody else are
// appended to, and need one that exists: the one of $GITHUB_ENV as it is, any other
// in private.
func Open(path, format string) (*Target, error) {
	if err := CheckFormat(format); err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	if path == "" || strings.HasSuffix(path, string(filepath.Separator)) || name == "." || name == ".." {
		return nil, &Refusal{Detail: "the path names no file", Hint: "give a file's name, such as .env.vault"}
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

// Close lets go of the directory.
func (t *Target) Close() { _ = t.dir.Close() }

func (t *Target) check(path string) error {
	about, err := t.dir.Lstat(t.name)
	switch appended := Appended(t.format); {
	case errors.Is(err, fs.ErrNotExist) && appended:
		return refuseFile(path, "does not exist", "name the file that $GITHUB_ENV names")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && about.Mode()&fs.ModeSymlink != 0:
		return refuseFile(path, "is a symbolic link", "name the file itself")
	case err == nil && !about.Mode().IsRegular():
		return refuseFile(path, "is not a regular file", "choose another path")
	case appended && t.runners(about):
		return nil // its rights, and its directory's, are the runner's business
	case appended && about.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return refuseFile(path, "is open to others, and is not the file that $GITHUB_ENV names", "take their rights away, or name another file")
	}
	if err := t.checkDirectory(path); err != nil || Appended(t.format) {
		return err
	}
	ours, err := t.ours()
	if err == nil && !ours {
		err = refuseFile(path, "exists, and vaultkit did not write it as it is", "delete it, or choose another path")
	}
	return err
}

func refuseFile(path, detail, hint string) error {
	return &Refusal{Detail: path + " " + detail, Hint: hint}
}

// checkDirectory refuses a directory in which somebody else could have put the file, or
// can put another in its place, and one that somebody else may have led us to.
func (t *Target) checkDirectory(path string) error {
	about, err := t.dir.Stat(".")
	if err != nil {
		return err
	}
	linked, err := linkedBy(filepath.Dir(path), about)
	owner, owned := ownerOf(about)
	switch {
	case err != nil:
		return err
	case about.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows": // which has no such bit
		return refuseFile(path, "would be in a directory that everybody can write to", "choose a directory of your own")
	case owned && foreign(owner):
		return refuseFile(path, "would be in a directory of another user", "choose a directory of your own")
	case linked:
		return refuseFile(path, "would be in a directory that a symbolic link leads to", "name the directory itself")
	}
	return nil
}

// runners reports the very file that GitHub's runner reads variables from.
func (t *Target) runners(about fs.FileInfo) bool {
	runner, err := os.Stat(os.Getenv("GITHUB_ENV")) //nolint:gosec // it is looked at, no more
	return err == nil && os.SameFile(runner, about)
}

// linkedBy reports that a directory that is held was reached through a link: it is one
// itself, or one of somebody else's is on the way to it, who may turn it elsewhere.
func linkedBy(path string, held fs.FileInfo) (bool, error) {
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
		owner, owned := ownerOf(about)
		if about.Mode()&fs.ModeSymlink != 0 && owned && foreign(owner) {
			return true, nil
		}
	}
	return false, nil
}

// foreign reports a user who is neither the one this program runs as nor root, who can
// do as he likes anyway.
func foreign(owner int) bool { return owner != 0 && owner != os.Geteuid() }

// ours reports that nothing is lost if the file is replaced: it is missing, empty,
// or starts with the mark of one of our dialects.
func (t *Target) ours() (bool, error) {
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

// Write writes the variables, all of them or none, for the owner alone to read.
func (t *Target) Write(variables []Variable) error {
	content, err := Encode(t.format, variables)
	if err != nil {
		return err
	}
	if Appended(t.format) {
		return t.append(content)
	}
	return t.replace(signed(t.format, content))
}

// replace writes another file and puts it in the place of the old one, which is
// whole until then.
func (t *Target) replace(content []byte) (err error) {
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
	// The umask may have taken the owner's rights away.
	if err = errors.Join(err, file.Chmod(0o600), file.Sync(), file.Close()); err != nil {
		return err
	}
	return t.dir.Rename(temporary, t.name)
}

// append adds to the file on a line of its own.
func (t *Target) append(content []byte) error {
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

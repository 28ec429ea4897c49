package envfile

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
// written: through a symlink, in a directory that everybody can write to, or over
// something that is not ours. Formats whose files belong to somebody else are
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
	refuse := func(detail, hint string) error { return &Refusal{Detail: path + " " + detail, Hint: hint} }
	about, err := t.dir.Lstat(t.name)
	switch appended := Appended(t.format); {
	case errors.Is(err, fs.ErrNotExist) && appended:
		return refuse("does not exist", "name the file that $GITHUB_ENV names")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && about.Mode()&fs.ModeSymlink != 0:
		return refuse("is a symbolic link", "name the file itself")
	case err == nil && !about.Mode().IsRegular():
		return refuse("is not a regular file", "choose another path")
	case appended && t.runners(about):
		return nil // its rights, and its directory's, are the runner's business
	case appended && about.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return refuse("is open to others, and is not the file that $GITHUB_ENV names", "take their rights away, or name another file")
	}
	switch everybodys, err := t.everybodys(); {
	case err != nil:
		return err
	case everybodys:
		return refuse("would be in a directory that everybody can write to", "choose a directory of your own")
	}
	if Appended(t.format) {
		return nil
	}
	ours, err := t.ours()
	if err == nil && !ours {
		err = refuse("exists, and vaultkit did not write it as it is", "delete it, or choose another path")
	}
	return err
}

// runners reports the very file that GitHub's runner reads variables from.
func (t *Target) runners(about fs.FileInfo) bool {
	runner, err := os.Stat(os.Getenv("GITHUB_ENV")) //nolint:gosec // it is looked at, no more
	return err == nil && os.SameFile(runner, about)
}

// everybodys reports a directory in which anybody could have put the file, or could
// put another in its place. Windows has no such bit.
func (t *Target) everybodys() (bool, error) {
	about, err := t.dir.Stat(".")
	return err == nil && about.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows", err
}

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

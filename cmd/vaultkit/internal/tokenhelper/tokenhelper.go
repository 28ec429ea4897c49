// Package tokenhelper gets the token from the program that the Vault CLI keeps tokens with:
//
//	token_helper = "/usr/local/bin/vault-token-helper"
//
// in ~/.vault, or in the file that VAULT_CONFIG_PATH names. The program is called with the
// argument get and prints the token. Only the command-line tool has this: a library must not
// run a program because of a file.
package tokenhelper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/fileowner"
)

// Helper is the program that a configuration of the Vault CLI names.
type Helper struct {
	path string
	err  error // of the configuration; there is no path then
}

// Find returns the helper that the configuration names. found is false if there is no
// configuration, or if it names none. An invalid configuration is an error of Token, because most
// logins need no helper.
func Find(lookup func(name string) string) (helper *Helper, found bool) {
	config, err := configPath(lookup)
	if err != nil {
		return nil, false // there is no home directory
	}
	path, err := read(config)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && path == "":
		return nil, false
	case err != nil:
		return &Helper{err: err}, true
	}
	if err := check(config, path); err != nil {
		return &Helper{err: err}, true
	}
	return &Helper{path: path}, true
}

// String names the helper.
func (h *Helper) String() string {
	if h.path == "" {
		return "token helper of the Vault CLI"
	}
	return "token helper " + h.path
}

// configPath returns the path of the Vault CLI's configuration.
func configPath(lookup func(name string) string) (string, error) {
	path := lookup("VAULT_CONFIG_PATH")
	if path == "" {
		path = "~/.vault"
	}
	below, inHome := strings.CutPrefix(path, "~/")
	if !inHome {
		return path, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, below), err
}

// read returns the path of the helper, or "". Its errors repeat nothing of the file, which may be
// something else: other programs have a ~/.vault, too.
func read(config string) (string, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return "", configError(config, "cannot be read", err)
	}
	var settings struct {
		TokenHelper string `hcl:"token_helper"`
	}
	if err := hcl.Decode(&settings, string(text)); err != nil {
		return "", configError(config, "is not a configuration of the Vault CLI (HCL, such as token_helper = \"/path\")", nil)
	}
	return settings.TokenHelper, nil
}

func configError(config, detail string, cause error) error {
	return &vaultkit.Error{
		Kind: vaultkit.ErrInvalid, Detail: fmt.Sprintf("the Vault CLI's configuration %q %s", config, detail), Err: cause,
		Hint: "fix or remove the file, or choose a login: VAULT_TOKEN, --token-file or --auth",
	}
}

// check returns an error if it is not certain whose program the path names.
func check(config, path string) error {
	switch {
	case strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		return configError(config, "names a token_helper with control characters in its path", nil)
	case !filepath.IsAbs(path):
		return configError(config, fmt.Sprintf("names the token_helper %q: give an absolute path, "+
			"because vaultkit runs the program, and a path like this could be another program elsewhere", path), nil)
	}
	if err := checkOwner(config); err != nil {
		return err
	}
	about, err := os.Stat(path)
	switch {
	case err != nil:
		return helperError(path, "cannot be used", err)
	case !about.Mode().IsRegular():
		return helperError(path, "is not a regular file", nil)
	case runtime.GOOS != "windows" && about.Mode().Perm()&0o111 == 0:
		return helperError(path, "is not executable", nil)
	}
	return checkOwner(path)
}

// checkOwner returns an error if another user can change the file, and so decide what is run. ssh
// has the same rule for its configuration.
func checkOwner(path string) error {
	about, err := os.Stat(path)
	if err != nil {
		return helperError(path, "cannot be used", err)
	}
	owner, known := fileowner.ID(about)
	switch {
	case !known: // Windows
		return nil
	case owner != 0 && owner != os.Getuid():
		return helperError(path, "belongs to another user, who could have vaultkit run any program", nil)
	case about.Mode().Perm()&0o022 != 0:
		failure := helperError(path, "can be changed by other users, who could have vaultkit run any program", nil)
		failure.Hint = fmt.Sprintf("run: chmod go-w %q", path)
		return failure
	}
	return checkDirectories(path)
}

// checkDirectories returns an error if every user can replace the file, or the file that a symbolic
// link leads to.
func checkDirectories(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return helperError(path, "cannot be used", err)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return helperError(path, "cannot be used", err)
	}
	if err := checkDirectory(filepath.Dir(path)); err != nil {
		return err
	}
	return checkDirectory(filepath.Dir(target))
}

// checkDirectory returns an error if every user can replace files in the directory, or one above
// it. The sticky bit, as on /tmp, prevents that. Groups are accepted: some systems let a group of
// administrators write to /usr/local/bin.
func checkDirectory(dir string) error {
	about, err := os.Stat(dir)
	if err != nil {
		return helperError(dir, "cannot be used", err)
	}
	if mode := about.Mode(); mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
		failure := helperError(dir, "is a directory in which other users can replace files, and so have vaultkit run any program", nil)
		failure.Hint = fmt.Sprintf("run: chmod o-w %q", dir)
		return failure
	}
	if parent := filepath.Dir(dir); parent != dir {
		return checkDirectory(parent)
	}
	return nil
}

func helperError(path, detail string, cause error) *vaultkit.Error {
	return &vaultkit.Error{
		Kind: vaultkit.ErrInvalid, Detail: fmt.Sprintf("%q %s", path, detail), Err: cause,
		Hint: "check the token_helper in the Vault CLI's configuration, ~/.vault",
	}
}

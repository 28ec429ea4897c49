package childproc

import (
	"errors"
	"io/fs"
	"os/exec"
	"syscall"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Exit codes of a command that could not be started, as shells have them.
const (
	codeNotExecutable = 126
	codeNoCommand     = 127
)

// Find returns the path of a command.
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	return path, startError(err)
}

// Replace makes this program become a command; where there is no such thing, it runs
// the command and ends with its exit code.
func Replace(path string, args, environ []string) error {
	return startError(become(path, args, environ))
}

// startError says why a command was not started, and not which: its arguments may
// hold anything.
func startError(err error) error {
	if err == nil {
		return nil
	}
	code, text := codeNotExecutable, "it cannot be run"
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		code, text = codeNoCommand, "there is no such command"
	case errors.Is(err, exec.ErrDot):
		code, text = codeNoCommand, "it was found in the current directory only: give a path with a slash"
	case errors.Is(err, syscall.E2BIG):
		text = "its arguments and environment are larger than the system allows: name fewer providers"
	case errors.Is(err, fs.ErrPermission):
		text = "no permission to run it"
	}
	return exitcode.WithCode(errors.New("the command was not started: "+text), code)
}

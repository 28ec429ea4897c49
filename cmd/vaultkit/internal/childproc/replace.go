package childproc

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"regexp"
	"syscall"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// The exit codes of a command that did not start, as in shells.
const (
	codeNotExecutable = 126
	codeNoCommand     = 127
)

// Find returns the path of a command.
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	return path, StartError(err)
}

// programName matches a program's name without what may follow it by mistake: the arguments, if the
// whole line was quoted, or the value of a variable, if an assignment is in its place.
var programName = regexp.MustCompile(`^[^\s=]+`)

// NameProgram adds the program's name to the error of a command that did not start. nil stays nil.
func NameProgram(name string, err error) error {
	shown := programName.FindString(name)
	if err == nil || shown == "" {
		return err
	}
	return fmt.Errorf("%s: %w", shown, err)
}

// Replace replaces this program with the command. On Windows it runs the command and
// exits with its exit code.
func Replace(path string, args, environ []string) error {
	return NameProgram(args[0], StartError(become(path, args, environ)))
}

// StartError returns why a command did not start. It does not repeat the command, whose
// arguments may contain anything.
func StartError(err error) error {
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

package childproc

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// become runs a command and ends with its exit code, as a process cannot be replaced
// here. The console tells the command of a Ctrl-C too, and it decides what comes of it.
func become(path string, args, environ []string) error {
	signal.Ignore(os.Interrupt)
	cmd := &exec.Cmd{Path: path, Args: args, Env: environ, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err := cmd.Run()
	if exit, ran := errors.AsType[*exec.ExitError](err); ran {
		os.Exit(exit.ExitCode())
	}
	if err == nil {
		os.Exit(exitcode.OK)
	}
	return err
}

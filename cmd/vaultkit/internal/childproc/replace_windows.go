package childproc

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// become runs the command and exits with its exit code: Windows cannot replace a
// process. The console also sends Ctrl-C to the command, which decides what to do.
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

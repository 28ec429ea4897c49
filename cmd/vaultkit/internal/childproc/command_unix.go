//go:build unix

package childproc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// shell is a command of the shell, in a process group of its own: what it starts
// ends with it, and the terminal's Ctrl-C is ours to pass on.
func shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line) //nolint:gosec // running the user's own command is what the flag is for
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// terminate asks a shell and all it started to end.
func terminate(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGTERM)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// kill ends them.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

//go:build unix

package childproc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// shell returns a command of the shell in its own process group, so that everything it
// starts can be stopped with it, and Ctrl-C reaches it only through vaultkit.
func shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line) //nolint:gosec // running the user's own command is what the flag is for
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// terminate asks the process group to stop.
func terminate(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGTERM)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// kill ends the process group.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

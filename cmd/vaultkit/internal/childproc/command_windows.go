package childproc

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// shell returns a command of cmd.exe, which parses the line itself.
func shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CmdLine:       `cmd /s /c "` + line + `"`,
		CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP,
	}
	return cmd
}

// terminate ends the shell. Windows has no way to ask it to stop.
func terminate(p *os.Process) error { return p.Kill() }

// kill does nothing: terminate has ended the shell.
func kill(*os.Process) {}

package childproc

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// shell is a command of cmd.exe, which takes its line as it stands.
func shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CmdLine:       `cmd /s /c "` + line + `"`,
		CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP,
	}
	return cmd
}

// terminate ends a shell: there is no way to ask it.
func terminate(p *os.Process) error { return p.Kill() }

// kill has nothing left to do.
func kill(*os.Process) {}

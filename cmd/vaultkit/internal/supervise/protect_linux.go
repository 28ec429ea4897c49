package supervise

import "syscall"

// killWithParent has the command end with this program, even if this program is killed
// with SIGKILL. It does not reach the processes that the command has started.
func killWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGTERM }

// Protect keeps other programs of the user, the command among them, from reading this
// program's memory and its environment, which has the credentials for Vault. It also
// prevents core dumps. The command itself is not protected: it starts as any program.
func Protect() {
	const setDumpable = 4                                           // PR_SET_DUMPABLE
	_, _, _ = syscall.Syscall(syscall.SYS_PRCTL, setDumpable, 0, 0) // fails nowhere
}

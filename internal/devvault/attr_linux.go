package devvault

import "syscall"

// childAttr keeps the terminal's Ctrl-C from the child, since we stop it
// ourselves, and has the kernel kill the child when we die without doing so.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

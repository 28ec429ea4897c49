package devvault

import "syscall"

// childAttr keeps the terminal's Ctrl-C from the child, because this package stops it, and
// makes the kernel kill the child if its parent dies before that.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

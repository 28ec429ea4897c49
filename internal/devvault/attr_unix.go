//go:build unix && !linux

package devvault

import "syscall"

// childAttr keeps the terminal's Ctrl-C from the child: we stop it ourselves.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

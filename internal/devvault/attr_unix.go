//go:build unix && !linux

package devvault

import "syscall"

// childAttr keeps the terminal's Ctrl-C from the child, because this package stops it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

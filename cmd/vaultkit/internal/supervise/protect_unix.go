//go:build unix && !linux

package supervise

import "syscall"

// killWithParent does nothing: only Linux can do it.
func killWithParent(*syscall.SysProcAttr) {}

// Protect does nothing: only Linux can do it.
func Protect() {}

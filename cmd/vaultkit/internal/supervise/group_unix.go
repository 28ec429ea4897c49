//go:build unix && !linux

package supervise

import "syscall"

// groupRuns reports whether there is a process of the group.
func groupRuns(group int) bool {
	return syscall.Kill(-group, 0) != syscall.ESRCH
}

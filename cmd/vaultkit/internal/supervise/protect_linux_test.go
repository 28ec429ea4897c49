package supervise

import (
	"os/exec"
	"syscall"
	"testing"
)

// Protect makes this program's memory and environment unreadable for others of the user.
func TestProtect(t *testing.T) {
	const getDumpable = 3 // PR_GET_DUMPABLE
	Protect()
	if dumpable, _, errno := syscall.Syscall(syscall.SYS_PRCTL, getDumpable, 0, 0); dumpable != 0 || errno != 0 {
		t.Errorf("prctl(PR_GET_DUMPABLE) = %d, %v after Protect, want 0", dumpable, errno)
	}
	if text, err := exec.CommandContext(t.Context(), "cat", "/proc/self/environ").Output(); err != nil || len(text) == 0 {
		t.Errorf("cat /proc/self/environ prints %d bytes, %v, want its environment: a child is not protected", len(text), err)
	}
}

package supervise

import (
	"os/exec"
	"syscall"
	"testing"
)

// A process that has ended and that nobody has waited for does not run.
func TestGroupRuns_IgnoresZombies(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("cmd.StdinPipe() = %v, want no error", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe() = %v, want no error", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	group := cmd.Process.Pid
	if !groupRuns(group) {
		t.Error("groupRuns() = false for a running process, want true")
	}
	_ = in.Close()
	_, _ = out.Read(make([]byte, 1)) // ends when the process does
	for groupRuns(group) {
		if err := syscall.Kill(-group, 0); err != nil {
			t.Fatalf("syscall.Kill(group, 0) = %v, want no error: nobody has waited for the process", err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("cmd.Wait() = %v, want no error", err)
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		state string
		group int
	}{
		"7 (a b) S 1 42 7 0": {"S", 42}, "7 (a) Z 1 9) Z 5 43 7": {"Z", 43}, "7 (cut": {"", 0}, "": {"", 0},
	} {
		if state, group := parseStat([]byte(text)); state != want.state || group != want.group {
			t.Errorf("parseStat(%q) = %q, %d, want %q, %d", text, state, group, want.state, want.group)
		}
	}
}

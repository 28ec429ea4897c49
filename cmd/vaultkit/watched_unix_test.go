//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/internal/logbuffer"
	"goblin/vaultkit/internal/vaulttest"
)

// watched is a running vaultkit exec --watch.
type watched struct {
	*exec.Cmd
	lines <-chan string // of stdout
	errs  logbuffer.Buffer
	pids  []int // of all children that have printed them
}

// app is a child that starts a grandchild, and prints its key and both process ids.
const app = `sleep 1000 & echo "start $KEY $$ $!"; wait`

// watch starts vaultkit exec --watch with the flags, a reader's token and a script for sh.
// $KEY in the script is the key.
func (e execTest) watch(t *testing.T, script string, flags ...string) *watched {
	t.Helper()
	flags = append([]string{"--watch", "--interval", "1s"}, flags...)
	return beginWatch(t, e.command(t, append(flags, "--", "sh", "-c", e.script(script))...))
}

// script sets $KEY in a script.
func (e execTest) script(text string) string { return `KEY=$` + e.variable + "\n" + text }

// beginWatch starts a command. At the end of the test it must have ended, with all children.
func beginWatch(t *testing.T, cmd *exec.Cmd) *watched {
	t.Helper()
	w := &watched{Cmd: cmd}
	cmd.Stderr = &w.errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe() = %v, want no error", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	lines := make(chan string, 1000)
	w.lines = lines
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			t.Errorf("%s still runs at the end of the test, want it ended\n%s", cmd, w.errs.String())
			_ = cmd.Process.Kill()
		}
		w.noneLeft(t)
	})
	return w
}

// line waits for the next line that starts with the text, and returns the rest. No other
// line may come before it.
func (w *watched) line(t *testing.T, text string) string {
	t.Helper()
	select {
	case line, ok := <-w.lines:
		rest, found := strings.CutPrefix(line, text)
		if !ok || !found {
			t.Fatalf("the child prints %q (open: %t), want %q\n%s", line, ok, text, w.errs.String())
		}
		return rest
	case <-time.After(time.Minute):
		t.Fatalf("the child prints nothing for a minute, want %q\n%s", text, w.errs.String())
	}
	return ""
}

// start waits for the line of a child that starts with the key, and remembers its
// processes. All processes of earlier children must have ended.
func (w *watched) start(t *testing.T, key string) (pid int) {
	t.Helper()
	words := strings.Fields(w.line(t, "start "+key))
	w.noneLeft(t)
	for _, word := range words {
		if pid, err := strconv.Atoi(word); err == nil {
			w.pids = append(w.pids, pid)
		}
	}
	if len(words) == 0 {
		t.Fatal("the child prints no process id, want one")
	}
	pid, _ = strconv.Atoi(words[0])
	return pid
}

// noneLeft fails the test if a process of a child runs.
func (w *watched) noneLeft(t *testing.T) {
	t.Helper()
	for _, pid := range w.pids {
		if runs(pid) {
			t.Errorf("process %d runs, want every process of that child ended", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	w.pids = nil
}

// runs reports whether a process runs. One that has ended and that nobody has waited for
// does not.
func runs(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		_, after, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(" "))
		return !bytes.HasPrefix(after, []byte("Z"))
	}
	return syscall.Kill(pid, 0) == nil
}

// signal sends a signal to vaultkit.
func (w *watched) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := w.Process.Signal(signal); err != nil {
		t.Fatalf("Process.Signal() = %v, want no error", err)
	}
}

// ends waits for the end of vaultkit, which must print nothing more to stdout and have
// the exit code.
func (w *watched) ends(t *testing.T, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = w.Process.Kill() })()
	for line := range w.lines {
		t.Errorf("the child prints %q, want nothing more", line)
	}
	if _ = w.Wait(); w.ProcessState.ExitCode() != code {
		t.Errorf("vaultkit exec --watch ends with %v, want exit code %d\n%s", w.ProcessState, code, w.errs.String())
	}
	if strings.Contains(w.errs.String(), canary) {
		t.Errorf("vaultkit exec --watch prints %q, want no key in it", w.errs.String())
	}
}

// rotate rotates the key and returns the new one.
func (e execTest) rotate(t *testing.T) string {
	t.Helper()
	key := newKey()
	vk(t, key, "rotate", e.provider, "--new-key-stdin").ok(t)
	return key
}

// put writes a version of the provider's secret, as another tool.
func (e execTest) put(t *testing.T, fields map[string]any) {
	t.Helper()
	vaulttest.Put(t, "providers/"+e.provider, fields)
}

//go:build unix

package supervise

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// started is a shell script as a Command.
type started struct {
	*Command
	events chan event
	lines  *bufio.Reader // what it writes to $LINES
}

// newLines returns a file to which a script can write lines, and what reads them.
func newLines(t *testing.T) (path string, lines *bufio.Reader) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "lines")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("os.OpenFile() = %v, want no error", err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if err := file.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatalf("file.SetDeadline() = %v, want no error", err)
	}
	return path, bufio.NewReader(file)
}

// readLine waits for a line.
func readLine(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the script prints %q, %v, want a line", line, err)
	}
	return strings.TrimSpace(line)
}

// startScript runs a script of sh. It has no terminal, even if the test has one.
func startScript(t *testing.T, script string) *started {
	t.Helper()
	path, lines := newLines(t)
	c := &started{&Command{path: "/bin/sh", args: []string{"sh", "-c", script}}, make(chan event, 10), lines}
	if err := c.Start([]string{"LINES=" + path, "PATH=" + os.Getenv("PATH")}, func(e event) { c.events <- e }); err != nil {
		t.Fatalf("Start() = %v, want no error", err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-c.group, syscall.SIGKILL) })
	return c
}

func (c *started) line(t *testing.T) string {
	t.Helper()
	return readLine(t, c.lines)
}

// posts waits for an event.
func (c *started) posts(t *testing.T, want event) {
	t.Helper()
	select {
	case got := <-c.events:
		if got != want {
			t.Fatalf("the command posts %T%+v, want %T%+v", got, got, want, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("the command posts nothing for a minute, want %T%+v", want, want)
	}
}

func TestCommand_PostsItsEnd(t *testing.T) {
	t.Parallel()
	startScript(t, "exit 3").posts(t, exited{code: 3, alone: true})
	startScript(t, "kill -TERM $$").posts(t, exited{signal: syscall.SIGTERM, alone: true})
}

// The group is gone when the last process has ended, not when the command has.
func TestCommand_WaitsForItsGroup(t *testing.T) {
	t.Parallel()
	c := startScript(t, `(trap "" TERM; echo ready >$LINES; exec sleep 1000) & wait`)
	c.line(t)
	c.SignalGroup(syscall.SIGTERM)
	c.posts(t, exited{signal: syscall.SIGTERM})
	if !groupRuns(c.group) {
		t.Error("groupRuns() = false, want true: a process has ignored SIGTERM")
	}
	c.SignalGroup(syscall.SIGKILL)
	c.posts(t, gone{})
	if groupRuns(c.group) {
		t.Error("groupRuns() = true, want false: all processes are killed")
	}
}

// SignalCommand reaches the command alone.
func TestCommand_SignalsTheCommandAlone(t *testing.T) {
	t.Parallel()
	c := startScript(t, `trap 'echo parent >$LINES' USR1
		(trap 'echo child >$LINES' USR1; echo ready >$LINES; while :; do sleep 0.02; done) &
		while :; do sleep 0.02; done`)
	c.line(t)
	c.SignalCommand(syscall.SIGUSR1)
	if got := c.line(t); got != "parent" {
		t.Errorf("SignalCommand() reaches %q, want the parent", got)
	}
	c.SignalGroup(syscall.SIGUSR1)
	if first, second := c.line(t), c.line(t); first == second {
		t.Errorf("SignalGroup() reaches %q twice, want both processes", first)
	}
}

// Resume continues a stopped command, and sends nothing to a running one.
func TestCommand_ContinuesWhatWasStopped(t *testing.T) {
	t.Parallel()
	c := startScript(t, `trap 'echo continued >$LINES' CONT; trap 'echo asked >$LINES' USR1; echo ready >$LINES
		while :; do sleep 0.02; done`)
	c.line(t)
	c.Resume()
	for range 2 {
		c.SignalCommand(syscall.SIGUSR1)
		if got := c.line(t); got != "asked" {
			t.Errorf("the command prints %q after Resume, want no sign of SIGCONT", got)
		}
	}
	c.SignalCommand(syscall.SIGSTOP) // not to a child of sh before its exec, for which sh waits
	c.posts(t, stopped{syscall.SIGSTOP})
	c.Suspend(syscall.SIGSTOP)
	c.Resume()
	if got := c.line(t); got != "continued" {
		t.Errorf("the command prints %q, want the line for SIGCONT", got)
	}
}

// A command that does not start has the exit code of a shell.
func TestCommand_ReportsAFailedStart(t *testing.T) {
	t.Parallel()
	notExecutable := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notExecutable, []byte("text"), 0o600); err != nil {
		t.Fatalf("os.WriteFile() = %v, want no error", err)
	}
	for path, code := range map[string]int{"/no/such/command": 127, notExecutable: 126} {
		err := (&Command{path: path, args: []string{path}}).Start(nil, func(event) {})
		if exitcode.Of(err) != code {
			t.Errorf("Start(%s) = %v with exit code %d, want %d", path, err, exitcode.Of(err), code)
		}
	}
}

// A supervisor restarts a real command, whose group is gone before the next one starts.
func TestSupervisor_RestartsACommand(t *testing.T) {
	t.Parallel()
	path, lines := newLines(t)
	var key atomic.Int32
	read := func(context.Context) ([]string, error) { return []string{fmt.Sprint("KEY=", key.Load())}, nil }
	s := New(Config{
		Grace: time.Minute,
		Base:  func(variables []string) []string { return append(variables, "PATH="+os.Getenv("PATH")) },
		Read:  read,
		Say:   func(string, ...any) {},
	}, &Command{path: "/bin/sh", args: []string{"sh", "-c", "sleep 1000 & echo $KEY $$ >" + path + "; wait"}})
	code := make(chan int)
	go func() {
		got, err := s.Run(context.Background(), []string{"KEY=0"})
		if err != nil {
			t.Errorf("Run() = %v, want no error", err)
		}
		code <- got
	}()
	for i := range 3 {
		if key.Store(int32(i)); i > 0 {
			s.Notice()
		}
		value, group, _ := strings.Cut(readLine(t, lines), " ")
		if value != strconv.Itoa(i) {
			t.Errorf("the command starts with KEY=%s, want %d", value, i)
		}
		t.Cleanup(func() {
			if number, err := strconv.Atoi(group); err != nil || groupRuns(number) {
				t.Errorf("groupRuns(%s) = true, want false after the end", group)
			}
		})
	}
	s.Signal(syscall.SIGTERM)
	if got := <-code; got != 143 {
		t.Errorf("Run() = %d, want 143", got)
	}
}

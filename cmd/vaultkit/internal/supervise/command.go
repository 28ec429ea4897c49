//go:build unix

package supervise

import (
	"os"
	"syscall"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
)

// groupPoll is after what time a Command looks again whether its group is gone: no event tells
// when a process ends that another one has started. The time doubles up to longestGroupPoll, because a
// look reads about every process of the machine.
const (
	groupPoll        = 20 * time.Millisecond
	longestGroupPoll = 500 * time.Millisecond
)

// Command is the command of a user as a Process. It has the standard streams of this
// program. On a terminal, its group is the foreground group while it runs.
type Command struct {
	path     string
	args     []string
	terminal *terminal // nil: there is none
	group    int       // of the last process; 0: none has started
	stopped  bool      // the command was stopped, and not continued by Resume
}

// NewCommand returns a Command. Close closes it.
func NewCommand(path string, args []string) *Command {
	return &Command{path: path, args: args, terminal: openTerminal()}
}

// OnTerminal reports whether there is a controlling terminal.
func (c *Command) OnTerminal() bool { return c.terminal != nil }

// Close closes the terminal. The command must have ended.
func (c *Command) Close() { c.terminal.close() }

// Start starts the command in a new process group.
func (c *Command) Start(environ []string, post func(event)) error {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	killWithParent(attributes)
	if environ == nil {
		environ = []string{} // nil is this program's environment
	}
	var process *os.Process
	err := c.terminal.lend(attributes, func() (err error) {
		process, err = os.StartProcess(c.path, c.args, &os.ProcAttr{
			Env: environ, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: attributes,
		})
		return err
	})
	if err != nil {
		return childproc.NameProgram(c.args[0], childproc.StartError(err))
	}
	c.group, c.stopped = process.Pid, false
	_ = process.Release() // watch waits for it
	go watch(c.group, post)
	return nil
}

// Ended takes the terminal back from a command that has ended.
func (c *Command) Ended() {
	if c.terminal.takeBack() {
		c.terminal.restore()
	}
}

// watch posts what becomes of a process and its group. It waits for that process alone:
// others, which this program would adopt as process 1, belong to a real init.
func watch(pid int, post func(event)) {
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		switch {
		case err == syscall.EINTR:
		case err == nil && status.Stopped():
			post(stopped{status.StopSignal()})
		default:
			postEnd(pid, status, post)
			return
		}
	}
}

// postEnd posts the end of a process, and then that of its group. The group's number is
// not used again while a process of it is left, and hardly at once after that.
func postEnd(group int, status syscall.WaitStatus, post func(event)) {
	end := exited{alone: !groupRuns(group)}
	if status.Signaled() {
		end.signal = status.Signal()
	} else {
		end.code = status.ExitStatus()
	}
	post(end)
	if end.alone {
		return
	}
	for pause := groupPoll; groupRuns(group); pause = min(2*pause, longestGroupPoll) {
		time.Sleep(pause)
	}
	post(gone{})
}

// SignalGroup sends a signal to every process of the group.
func (c *Command) SignalGroup(signal syscall.Signal) { _ = syscall.Kill(-c.group, signal) }

// SignalCommand sends a signal to the command alone.
func (c *Command) SignalCommand(signal syscall.Signal) { _ = syscall.Kill(c.group, signal) }

// Suspend stops this program with the command, so that a shell sees its job stopped.
// Without such a shell, Ctrl-Z has no effect, as the system has it for a single program.
// Without a terminal, nobody but the one who has stopped the command continues it.
func (c *Command) Suspend(signal syscall.Signal) {
	c.stopped = true
	switch {
	case c.terminal == nil:
	case wantsTerminal(signal) && c.terminal.mine(): // the shell has moved this program to the foreground
		c.Resume()
	case canStop():
		c.terminal.takeBack()
		stopJob()
		c.Resume()
	case signal == syscall.SIGTSTP:
		c.Resume()
	}
}

// wantsTerminal reports whether the signal stops programs in the background that read from
// the terminal or change it.
func wantsTerminal(signal syscall.Signal) bool {
	return signal == syscall.SIGTTIN || signal == syscall.SIGTTOU
}

// Resume continues a stopped command, in the foreground if this program is. It leaves a
// command alone that was not stopped before: SIGCONT may come late, when Ctrl-Z has just
// stopped the command again.
func (c *Command) Resume() {
	c.terminal.handOver(c.group)
	if c.stopped {
		c.stopped = false
		c.SignalGroup(syscall.SIGCONT)
	}
}

//go:build unix

package supervise

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/term"
)

// terminal is the controlling terminal. A shell gives it to this program's process group;
// this program lends it to that of the command, which could not read from it otherwise.
// A nil terminal does nothing.
type terminal struct {
	file  *os.File
	modes *term.State // before the command could change them; nil: it had no terminal yet
	lent  bool        // to the command
}

// openTerminal opens the controlling terminal. It returns nil if there is none.
func openTerminal() *terminal {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	t := &terminal{file: file}
	t.ignoreTTOU()
	return t
}

func (t *terminal) close() {
	if t != nil {
		_ = t.file.Close()
	}
}

func (t *terminal) descriptor() int { return int(t.file.Fd()) }

// ignoreTTOU ignores the signal that stops a program in the background which writes to the
// terminal (stty tostop) or takes it back. It is not enough to catch the signal: the system
// would repeat the call without end.
func (t *terminal) ignoreTTOU() { signal.Ignore(syscall.SIGTTOU) }

// lend runs start, which starts a command with the attributes, so that its group gets the
// terminal if this program has it. The command does not inherit that SIGTTOU is ignored:
// what a program catches is not ignored in the programs that it starts.
func (t *terminal) lend(attributes *syscall.SysProcAttr, start func() error) error {
	if t == nil {
		return start()
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTTOU)
	defer t.ignoreTTOU()
	if t.mine() {
		t.saveModes()
		attributes.Foreground, attributes.Ctty = true, t.descriptor()
	}
	t.lent = attributes.Foreground // even if the command does not start
	return start()
}

// handOver lends the terminal to a group if this program has it.
func (t *terminal) handOver(group int) {
	if t.mine() {
		t.saveModes()
		t.lent = t.give(group)
	}
}

// takeBack takes the terminal back if it is lent.
func (t *terminal) takeBack() bool {
	if t == nil || !t.lent {
		return false
	}
	t.lent = false
	return t.give(syscall.Getpgrp())
}

// saveModes saves the modes before the command gets the terminal for the first time. While
// this program is in the background, the modes are those of the shell's prompt.
func (t *terminal) saveModes() {
	if t.modes == nil {
		t.modes, _ = term.GetState(t.descriptor()) // fails: not restored
	}
}

// restore restores the modes, which a command that was killed may have changed.
func (t *terminal) restore() {
	if t.modes != nil {
		_ = term.Restore(t.descriptor(), t.modes)
	}
}

// mine reports whether this program is in the foreground.
func (t *terminal) mine() bool {
	var group int32
	return t != nil && t.control(syscall.TIOCGPGRP, &group) && int(group) == syscall.Getpgrp()
}

// give makes a group the foreground process group.
func (t *terminal) give(group int) bool {
	number := int32(group) //nolint:gosec // a process id
	return t.control(syscall.TIOCSPGRP, &number)
}

func (t *terminal) control(request uintptr, group *int32) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, t.file.Fd(), request, uintptr(unsafe.Pointer(group))) //nolint:gosec // as the system call takes it
	return errno == 0
}

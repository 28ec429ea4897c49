//go:build unix

package supervise

import "syscall"

// event is what the machine reacts to.
type event any

type (
	// noticed: a watcher has seen a secret, which may be a new one.
	noticed struct{}
	// looked: the variables were read, or could not be read.
	looked struct {
		variables []string
		err       error
	}
	// delivered: the values of these variables were written, or could not be.
	delivered struct {
		names []string
		err   error
	}
	// ofProcess is an event of the process that was started as the given one.
	ofProcess struct {
		number int
		event  event
	}
	// exited: the command has ended with this code, or by this signal.
	exited struct {
		code   int
		signal syscall.Signal
		alone  bool // no other process of its group is left; else a gone event follows
	}
	// gone: no process of the group is left.
	gone struct{}
	// stopped: the command was stopped by a signal, as SIGTSTP after Ctrl-Z.
	stopped struct{ signal syscall.Signal }
	// signaled: this program got a signal.
	signaled struct{ signal syscall.Signal }
	// elapsed: a timer has expired. Each one that is started has a number of its own.
	elapsed struct {
		timer  timer
		number int
	}
)

// timer is what the machine waits for.
type timer string

const (
	settleTimer timer = "settle" // until the variables are read
	splayTimer  timer = "splay"  // until changed values are applied
	graceTimer  timer = "grace"  // until the group is killed
	pauseTimer  timer = "pause"  // until a command that failed is started again
)

// shellCode is what shells add to a signal's number for the exit code.
const shellCode = 128

// exitCode returns the exit code that a shell would report.
func (e exited) exitCode() int {
	if e.signal != 0 {
		return shellCode + int(e.signal)
	}
	return e.code
}

// failed reports whether the command has failed. As for systemd, an end by a signal with
// which people and systems end programs is no failure.
func (e exited) failed() bool {
	switch syscall.Signal(e.exitCode() - shellCode) {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE:
		return false
	}
	return e.exitCode() != 0
}

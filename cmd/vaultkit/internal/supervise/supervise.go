//go:build unix

// Package supervise keeps a command running with the newest keys, for vaultkit exec
// --watch. When the value of one of its variables changes, the command is restarted, or
// a file is written and the command gets a signal. The machine decides what to do and
// when; a Process is the command itself.
package supervise

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Config says how a command is supervised.
type Config struct {
	// Grace is how long the command may take to end after SIGTERM. Then it is killed.
	Grace time.Duration
	// Splay is the longest delay before a restart. The delay is random, so that a fleet
	// does not restart at once.
	Splay time.Duration
	// RestartOnFailure starts a command again that fails by itself.
	RestartOnFailure bool
	// Read reads the variables of the command as NAME=value. An error means that the
	// newest values are not known now; Read is called again later.
	Read func(context.Context) ([]string, error)
	// Deliver, if it is not nil, writes the newest values for the running command, which is
	// then signaled with Signal and not restarted. It returns the names that it has written.
	Deliver func(context.Context) (names []string, err error)
	Signal  syscall.Signal
	// Base makes the environment of the command from the variables.
	Base func(variables []string) []string
	// Say prints a line for the user.
	Say func(format string, args ...any)
}

// Process runs the command, one at a time, in a process group of its own. Only one
// goroutine uses it.
type Process interface {
	// Start starts the command. Then it posts a stopped event whenever the command was
	// stopped, an exited event when it has ended, and a gone event when no process of the
	// group is left, unless the exited event says so.
	Start(environ []string, post func(event)) error
	// SignalGroup sends a signal to every process of the group.
	SignalGroup(syscall.Signal)
	// SignalCommand sends a signal to the command alone.
	SignalCommand(syscall.Signal)
	// Suspend stops this program like the command, which a signal has stopped, if a shell
	// can continue it. It returns when this program continues.
	Suspend(syscall.Signal)
	// OnTerminal reports whether SIGHUP can mean that the terminal is gone. Elsewhere it asks
	// programs to read their configuration again.
	OnTerminal() bool
	// Resume continues a stopped command.
	Resume()
	// Ended tells that nothing of the group is left, or that Start has failed.
	Ended()
}

// Supervisor supervises one command.
type Supervisor struct {
	config  Config
	process Process
	events  chan event
	ended   chan struct{}
	work    sync.WaitGroup // reads and deliveries
	timers  map[timer]armedTimer
	armed   int // timers so far
	machine *machine
}

type armedTimer struct {
	event elapsed
	timer *time.Timer
}

// New returns a Supervisor of a command that has not started.
func New(config Config, process Process) *Supervisor {
	s := &Supervisor{
		config: config, process: process,
		events: make(chan event), ended: make(chan struct{}), timers: make(map[timer]armedTimer),
	}
	s.machine = &machine{config: config, world: s, process: process}
	return s
}

// Notice tells that a secret may have changed. It may be called by any goroutine.
func (s *Supervisor) Notice() { s.post(noticed{}) }

// Signal tells that this program got a signal. It may be called by any goroutine.
func (s *Supervisor) Signal(signal syscall.Signal) { s.post(signaled{signal}) }

// Run runs the command with the variables, until it ends and is not to be started again.
// It returns the exit code for this program. An error means that the command did not
// start. ctx is passed on to Config.Read and Config.Deliver; its end does not end Run.
func (s *Supervisor) Run(ctx context.Context, variables []string) (code int, err error) {
	// The kernel sends the signal of a parent's death when the thread dies that has
	// started the command. This one lives as long as Run.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancel(ctx)
	defer s.work.Wait()
	defer s.stopTimers()
	defer close(s.ended)
	defer cancel()
	s.machine.ctx = ctx
	if err := s.machine.begin(variables); err != nil {
		return 0, err
	}
	for s.machine.phase != ended {
		s.machine.handle(<-s.events)
	}
	return s.machine.code, nil
}

// post hands an event to Run. It drops the event if Run has ended.
func (s *Supervisor) post(e event) {
	select {
	case s.events <- e:
	case <-s.ended:
	}
}

// after posts an elapsed event for the timer. It replaces an earlier one of that timer.
func (s *Supervisor) after(t timer, d time.Duration) {
	s.cancel(t)
	s.armed++
	e := elapsed{t, s.armed}
	s.timers[t] = armedTimer{e, time.AfterFunc(d, func() { s.post(e) })}
}

// cancel stops a timer. If it has already posted its event, that event is ignored.
func (s *Supervisor) cancel(t timer) {
	if running, ok := s.timers[t]; ok {
		running.timer.Stop()
		delete(s.timers, t)
	}
}

// expired reports whether an elapsed event is that of a timer that was not stopped.
func (s *Supervisor) expired(e elapsed) bool {
	running, ok := s.timers[e.timer]
	if !ok || running.event != e {
		return false
	}
	delete(s.timers, e.timer)
	return true
}

func (s *Supervisor) stopTimers() {
	for t := range s.timers {
		s.cancel(t)
	}
}

// start starts the command. The process has a number, so that an event of an earlier one
// can be told from its own.
func (s *Supervisor) start(number int, variables []string) error {
	return s.process.Start(s.config.Base(variables), func(e event) { s.post(ofProcess{number, e}) })
}

// read reads the variables in the background, and posts a looked event.
func (s *Supervisor) read(ctx context.Context) {
	s.work.Go(func() {
		variables, err := s.config.Read(ctx)
		s.post(looked{variables, err})
	})
}

// deliver writes the values for the command in the background, and posts a delivered event.
func (s *Supervisor) deliver(ctx context.Context) {
	s.work.Go(func() {
		names, err := s.config.Deliver(ctx)
		s.post(delivered{names, err})
	})
}

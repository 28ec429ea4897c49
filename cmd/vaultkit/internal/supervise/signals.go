//go:build unix

package supervise

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// The signals that the command gets, too. Those that end vaultkit before the command has
// started are caught from the beginning, so that none is lost in between.
var (
	ending = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}
	others = []os.Signal{syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT}
)

// fromTerminal reports whether a terminal sends the signal to all processes of a group.
func fromTerminal(s syscall.Signal) bool {
	switch s {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGTSTP:
		return true
	}
	return false
}

// ByName are the signals that can tell a command to read its keys again.
var ByName = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
}

// Signals catches the signals to this program.
type Signals struct {
	caught chan os.Signal
	work   sync.WaitGroup
}

// CatchSignals catches the signals that end programs. Forward hands them on.
func CatchSignals() *Signals {
	s := &Signals{caught: make(chan os.Signal, len(ending)+len(others))}
	s.catch(ending)
	return s
}

// catch catches signals. One that this program ignores, as SIGHUP under nohup, stays
// ignored, also by the command.
func (s *Signals) catch(signals []os.Signal) {
	for _, one := range signals {
		if !signal.Ignored(one) {
			signal.Notify(s.caught, one)
		}
	}
}

// Forward catches all signals that the command gets, and hands them to a supervisor, those
// from before the call, too.
func (s *Signals) Forward(to *Supervisor) {
	s.catch(others)
	s.work.Go(func() {
		for one := range s.caught {
			to.Signal(one.(syscall.Signal))
		}
	})
}

// Close catches no more signals, which then have their usual effect.
func (s *Signals) Close() {
	signal.Stop(s.caught)
	close(s.caught)
	s.work.Wait()
}

// canStop reports whether a shell with job control can continue this program: it is in
// the same session, and has put this program into a job.
func canStop() bool {
	session := sessionOf(0)
	return session != 0 && session != syscall.Getpgrp() && session == sessionOf(os.Getppid())
}

// sessionOf returns the session of a process; 0: of this one, or there is no such process.
func sessionOf(pid int) int {
	session, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(session)
}

// stopJob stops this program and the others of its job, as Ctrl-Z does. It returns when
// the shell continues them.
func stopJob() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	_ = syscall.Kill(0, syscall.SIGSTOP) // the handler of SIGTSTP cannot be removed again
	<-continued
}

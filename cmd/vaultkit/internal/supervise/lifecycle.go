//go:build unix

package supervise

import (
	"syscall"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// start starts the command again, with the newest values.
func (m *machine) start() {
	m.world.cancel(pauseTimer)
	if m.config.Deliver == nil {
		m.given, m.absent = m.newest, nil
		m.plan() // nothing is due any more
	}
	if err := m.launch(); err != nil {
		m.config.Say("%s", exitcode.Text(err))
		m.exited(exited{code: exitcode.Of(err), alone: true})
		return
	}
	m.plan()
}

func (m *machine) launch() error {
	m.phase, m.next, m.over, m.sent, m.began = running, exit, false, false, time.Now()
	m.number++
	return m.world.start(m.number, m.given.variables())
}

// terminate asks every process of the group to end. A stopped process must continue to
// do so.
func (m *machine) terminate() {
	m.phase = stopping
	m.process.SignalGroup(syscall.SIGTERM)
	m.process.SignalGroup(syscall.SIGCONT)
	m.world.after(graceTimer, m.config.Grace)
}

// kill kills every process of the group. If they do not disappear, it goes on without
// them, once the command itself has ended.
func (m *machine) kill() {
	if m.phase == killed {
		if m.over {
			m.finish()
		}
		return
	}
	m.phase = killed
	m.config.Say("the command is killed: it did not end within %v after SIGTERM", m.config.Grace)
	m.process.SignalGroup(syscall.SIGKILL)
	m.world.after(graceTimer, killWait)
}

// exited decides what follows the end of the command. Processes that it leaves in its
// group must end first.
func (m *machine) exited(e exited) {
	m.over, m.last = true, e
	switch {
	case m.phase == running:
		m.next = m.afterExit(e)
	case e.signal == syscall.SIGINT: // a terminal sends Ctrl-C to the command alone
		m.next = exit
	}
	switch {
	case e.alone:
		m.finish()
	case m.phase == running:
		m.terminate()
	case m.phase == killed:
		m.world.after(graceTimer, killWait)
	}
}

// afterExit decides what follows the end of a command that was not asked to end.
func (m *machine) afterExit(e exited) next {
	switch {
	case !e.failed() && !m.endedBySignal(e):
		return exit
	case m.due && m.config.Deliver == nil, m.endedBySignal(e):
		return startAgain
	case !m.config.RestartOnFailure:
		return exit
	}
	if time.Since(m.began) >= steady {
		m.failures = 0
	}
	m.failures++
	return startLater
}

// endedBySignal reports whether the command has ended by config.Signal, which it did not handle yet.
// Nobody has asked it to end.
func (m *machine) endedBySignal(e exited) bool {
	return m.config.Deliver != nil && m.sent && e.exitCode() == shellCode+int(m.config.Signal)
}

// finish does what follows when the group is gone.
func (m *machine) finish() {
	m.world.cancel(graceTimer)
	m.process.Ended()
	switch m.next {
	case exit:
		m.end(m.last.exitCode())
	case startAgain:
		m.start()
	case startLater:
		pause := pauseAfter(m.failures)
		m.config.Say("the command failed with exit code %d, and starts again in %v", m.last.exitCode(), pause)
		m.phase = pausing
		m.world.after(pauseTimer, pause)
		m.plan()
	}
}

func (m *machine) end(code int) { m.phase, m.code = ended, code }

// signaled passes a signal on. SIGTERM stops the command; a signal of that kind while the
// command is stopped already ends the grace.
func (m *machine) signaled(signal syscall.Signal) {
	switch {
	case signal == syscall.SIGHUP && m.phase != running && !m.asked && !m.process.OnTerminal():
		// The command that starts next has the newest keys and reads its configuration anyway.
	case m.phase == pausing:
		if endsPrograms(signal) {
			m.end(shellCode + int(signal))
		}
	case signal == syscall.SIGCONT:
		m.process.Resume()
	case m.phase == running && signal == syscall.SIGTERM:
		m.next, m.asked = exit, true
		m.terminate()
	case m.phase == running || !endsPrograms(signal):
		m.pass(signal)
	case !m.asked:
		m.next, m.asked = exit, true
	case m.phase == stopping:
		m.kill()
	}
}

// endsPrograms reports whether a signal asks a program to end.
func endsPrograms(signal syscall.Signal) bool {
	switch signal {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		return true
	}
	return false
}

// pass passes a signal on. What a terminal sends goes to the whole group, as from a
// terminal. The others go to the command alone, as kill does it: SIGHUP or SIGUSR1 would
// end its children that do not expect it.
func (m *machine) pass(signal syscall.Signal) {
	switch {
	case fromTerminal(signal):
		m.process.SignalGroup(signal)
	case !m.over:
		m.process.SignalCommand(signal)
	}
}

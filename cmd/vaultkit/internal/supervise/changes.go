//go:build unix

package supervise

import (
	"slices"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// notice has the variables read soon.
func (m *machine) notice() {
	switch {
	case m.looking:
		m.again = true
	case !m.waiting:
		m.wait()
	}
}

// wait waits before the variables are read. After failures in a row it waits longer.
func (m *machine) wait() {
	delay := settle
	if m.failedLooks > 0 {
		delay = pauseAfter(m.failedLooks)
	}
	m.waiting = true
	m.world.after(settleTimer, delay)
}

// looked takes the variables that were read. While they differ from those of the look
// before, it looks again.
func (m *machine) looked(e looked) {
	m.looking = false
	if e.err != nil {
		m.failedLooks++
		m.wait()
		return
	}
	m.failedLooks = 0
	found := valuesOf(e.variables)
	m.warnOfAbsent(found)
	moved := len(m.newest.changed(found)) > 0
	m.newest = m.newest.with(found)
	m.back = found.having(m.leftOut)
	if m.looks++; (moved || m.again) && m.looks < mostLooks {
		m.wait()
		return
	}
	m.looks = 0
	m.plan()
	if m.again {
		m.wait()
	}
}

// warnOfAbsent tells once that variables of the command are no longer in Vault.
func (m *machine) warnOfAbsent(found values) {
	absent, first := map[string]bool{}, []string(nil)
	for _, name := range m.given.missing(found) {
		if absent[name] = true; !m.absent[name] {
			first = append(first, name)
		}
	}
	m.absent = absent
	if len(first) > 0 {
		m.config.Say("no longer in Vault: %s; the command keeps what it has", list(first))
	}
}

// pending returns the names whose newest value the command does not have.
func (m *machine) pending() []string {
	names := append(m.given.changed(m.newest), m.back...)
	slices.Sort(names)
	return slices.Compact(names)
}

// plan has newer values applied after the splay, unless the start of the command will
// apply them.
func (m *machine) plan() {
	if len(m.pending()) == 0 {
		m.due = false
		m.world.cancel(splayTimer)
		return
	}
	if !m.due && m.sending == nil && (m.phase == running || m.phase == pausing) {
		m.due = true
		m.world.after(splayTimer, m.splay())
	}
}

// apply gives newer values to the command.
func (m *machine) apply() {
	m.due = false
	names := m.pending()
	switch {
	case len(names) == 0:
	case m.config.Deliver != nil:
		m.sending, m.changed = m.newest, names
		m.world.deliver(m.ctx)
	case m.phase == running:
		m.config.Say("restarting the command, because the value changed of %s", list(names))
		m.next = startAgain
		m.terminate()
	case m.phase == pausing:
		m.start()
	}
}

// delivered signals the command after newer values were written for it.
func (m *machine) delivered(e delivered) {
	sent := m.sending
	if m.sending = nil; e.err != nil {
		m.failedSends++
		pause := pauseAfter(m.failedSends)
		m.config.Say("changed values are not written, trying again in %v: %s", pause, exitcode.Text(e.err))
		m.due = true
		m.world.after(splayTimer, pause)
		return
	}
	m.failedSends, m.given = 0, m.given.with(sent)
	m.leftOut, m.back = m.given.without(e.names), nil
	if m.phase == running {
		m.config.Say("signaled the command, because the value changed of %s", list(m.changed))
		m.sent = true
		m.process.SignalCommand(m.config.Signal)
	}
	m.plan()
}

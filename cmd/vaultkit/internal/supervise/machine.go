//go:build unix

package supervise

import (
	"context"
	"math/rand/v2"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

const (
	// settle is how long the machine waits for more changes: keys that are rotated
	// together need one restart.
	settle = 500 * time.Millisecond
	// mostLooks bounds how often the machine looks for more changes.
	mostLooks = 20
	// leastPause and mostPause bound the pauses after failures.
	leastPause, mostPause = time.Second, time.Minute
	// steady is how long a command must run so that its next failure counts as the first.
	steady = time.Minute
	// killWait is how long killed processes may take to disappear.
	killWait = 2 * time.Second
	// mostNames is the largest number of names in one line.
	mostNames = 20
)

// phase is what the command does.
type phase int

const (
	running  phase = iota // it runs
	stopping              // its group was asked to end
	killed                // its group was killed
	pausing               // it does not run until a pause is over
	ended                 // it does not run any more
)

// next is what follows when the group is gone.
type next int

const (
	exit       next = iota // this program ends
	startAgain             // the command starts
	startLater             // the command starts after a pause
)

// machine decides what to do. It never waits: handle returns at once.
type machine struct {
	config  Config
	world   *Supervisor
	process Process
	ctx     context.Context //nolint:containedctx // that of Run

	phase    phase
	next     next
	over     bool // the command has ended; processes of its group may be left
	last     exited
	asked    bool // this program was asked to end
	sent     bool // config.Signal went to the process, because of newer values
	code     int  // with which this program ends
	number   int  // of the process
	began    time.Time
	failures int // in a row

	given   values          // to the command
	newest  values          // in Vault
	absent  map[string]bool // given to the command, and no longer in Vault
	due     bool            // newer values wait for splayTimer
	sending values          // on their way to a command that is not restarted; nil: none
	changed []string        // the names whose value changed in sending
	leftOut []string        // what the last delivery did not find in Vault
	back    []string        // of these, what is in Vault again

	waiting, looking bool // for settleTimer, for the variables
	again            bool // the variables must be read again
	looks            int  // since the change was noticed
	failedLooks      int  // in a row
	failedSends      int  // in a row
}

// begin starts the command for the first time.
func (m *machine) begin(variables []string) error {
	m.newest = valuesOf(variables)
	m.given = m.newest
	return m.launch()
}

// handle reacts to an event.
func (m *machine) handle(e event) {
	switch e := e.(type) {
	case noticed:
		m.notice()
	case looked:
		m.looked(e)
	case delivered:
		m.delivered(e)
	case signaled:
		m.signaled(e.signal)
	case elapsed:
		if m.world.expired(e) {
			m.elapsed(e.timer)
		}
	case ofProcess:
		if e.number == m.number {
			m.handleProcess(e.event)
		}
	}
}

func (m *machine) handleProcess(e event) {
	switch e := e.(type) {
	case exited:
		m.exited(e)
	case gone:
		m.finish()
	case stopped:
		m.process.Suspend(e.signal)
	}
}

func (m *machine) elapsed(t timer) {
	switch t {
	case settleTimer:
		m.waiting, m.looking, m.again = false, true, false
		m.world.read(m.ctx)
	case splayTimer:
		m.apply()
	case graceTimer:
		m.kill()
	case pauseTimer:
		m.start()
	}
}

// splay returns a random part of the splay.
func (m *machine) splay() time.Duration {
	if m.config.Splay <= 0 {
		return 0
	}
	return rand.N(m.config.Splay)
}

// pauseAfter returns the pause after failures in a row: it doubles up to the longest one.
func pauseAfter(failures int) time.Duration {
	return min(leastPause<<min(failures-1, 10), mostPause)
}

func list(names []string) string { return namelist.First(names, mostNames) }

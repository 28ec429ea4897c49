//go:build unix

package supervise

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

func TestSupervisor(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	obeys := map[syscall.Signal]time.Duration{syscall.SIGTERM: time.Second, syscall.SIGINT: 0}
	for name, tc := range map[string]struct {
		config Config
		takes  map[syscall.Signal]time.Duration
		act    func(*scene)
		want   string // lines of the log, without "says" and the first line
	}{
		"a changed value restarts the command, once": {takes: obeys, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(day)
			c.s.Notice()
			sleep(day)
		}, want: "1s group terminated, 2s start A=2 B=1, 48h0m0s exit 0"},
		"a new version with the same values does not": {act: func(c *scene) {
			c.change("A=1", "B=1")
			sleep(day)
		}, want: "24h0m0s exit 0"},
		"a new variable does not, and comes with the next restart": {takes: obeys, act: func(c *scene) {
			c.change("A=1", "B=1", "C=1")
			sleep(time.Minute)
			c.change("A=2", "B=1", "C=1")
			sleep(time.Minute)
		}, want: "1m1s group terminated, 1m2s start A=2 B=1 C=1, 2m0s exit 0"},
		"a variable that is gone does not, and is kept": {takes: obeys, act: func(c *scene) {
			c.change("A=1")
			sleep(time.Minute)
			c.change("A=2")
			sleep(time.Minute)
		}, want: "1m1s group terminated, 1m2s start A=2 B=1, 2m0s exit 0"},
		"no variable at all does not": {act: func(c *scene) {
			c.change()
			sleep(time.Minute)
		}, want: "1m0s exit 0"},
		"changes that follow each other are one restart": {takes: obeys, act: func(c *scene) {
			for i := range 8 {
				c.change(fmt.Sprintf("A=%d", i), "B=1")
				sleep(settle / 2)
			}
			sleep(time.Minute)
		}, want: "2.5s group terminated, 3.5s start A=7 B=1, 1m2s exit 0"},
		"changes without end are applied all the same": {takes: obeys, act: func(c *scene) {
			for i := range 40 {
				c.change(fmt.Sprintf("A=%d", i+2), "B=1")
				sleep(251 * time.Millisecond) // never at the moment of a look
			}
			sleep(time.Minute)
		}, want: "10s group terminated, 11s start A=41 B=1, 1m10.04s exit 0"},
		"a change that is taken back is none": {act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(settle + 1)
			c.change("A=1", "B=1")
			sleep(time.Minute)
		}, want: "1m0.500000001s exit 0"},
		"a change during a restart is part of it": {takes: map[syscall.Signal]time.Duration{syscall.SIGTERM: 8 * time.Second}, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(2 * time.Second)
			c.change("A=2", "B=2")
			sleep(time.Minute)
		}, want: "1s group terminated, 9s start A=2 B=2, 1m2s exit 0"},
		"a command that ignores SIGTERM is killed after the grace": {act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(time.Minute)
		}, want: "1s group terminated, 11s group killed, 11s start A=2 B=1, 1m0s exit 0"},
		"the rest of the group is waited for": {takes: obeys, act: func(c *scene) {
			c.set(func(c *scene) { c.leaves = 5 * time.Second })
			c.change("A=2", "B=1")
			sleep(time.Minute)
		}, want: "1s group terminated, 7s start A=2 B=1, 1m0s exit 0"},
		"the rest of the group is killed after the grace": {takes: obeys, act: func(c *scene) {
			c.set(func(c *scene) { c.leaves = 30 * time.Second })
			c.change("A=2", "B=1")
			sleep(time.Minute)
		}, want: "1s group terminated, 11s group killed, 11s start A=2 B=1, 1m0s exit 0"},
		"the rest of the group of a command that ends by itself is stopped": {act: func(c *scene) {
			c.happens(exited{code: 3})
			sleep(time.Second)
			c.happens(gone{})
		}, want: "0s group terminated, 1s exit 3"},
		"what cannot be killed does not keep the program": {act: func(c *scene) {
			c.happens(exited{code: 3})
			sleep(10*time.Second - 1)
			c.set(func(c *scene) { c.silent = true })
			sleep(time.Minute)
		}, want: "0s group terminated, 10s group killed, 12s exit 3"},
		"the exit code is passed on": {act: func(c *scene) { c.ends(42) }, want: "0s exit 42"},
		"a signal is passed on as 128 and its number": {act: func(c *scene) {
			c.happens(exited{signal: syscall.SIGSEGV, alone: true})
		}, want: "0s exit 139"},
		"success ends the program, even if a restart is due": {config: Config{Splay: day}, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(2 * time.Second)
			c.ends(0)
		}, want: "2s exit 0"},
		"a failure while a restart is due is the restart": {config: Config{Splay: 1000 * day}, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(2 * time.Second)
			c.ends(1)
			sleep(day)
		}, want: "2s start A=2 B=1, 24h0m2s exit 0"},
		"SIGTERM stops the command, and its code is passed on": {takes: obeys, act: func(c *scene) {
			c.s.Signal(syscall.SIGTERM)
			sleep(time.Minute)
		}, want: "0s group terminated, 1s exit 143"},
		"a second signal ends the grace": {act: func(c *scene) {
			c.s.Signal(syscall.SIGTERM)
			sleep(time.Second)
			c.s.Signal(syscall.SIGINT)
		}, want: "0s group terminated, 1s group killed, 1s exit 137"},
		"SIGTERM during a restart ends the program": {takes: obeys, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(1500 * time.Millisecond)
			c.s.Signal(syscall.SIGTERM)
			sleep(time.Minute)
		}, want: "1s group terminated, 2s exit 143"},
		"Ctrl-C during a restart, which the command alone gets, ends the program": {act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(1500 * time.Millisecond)
			c.happens(exited{signal: syscall.SIGINT, alone: true})
		}, want: "1s group terminated, 1.5s exit 130"},
		"a command that ends with 130 after SIGTERM is restarted": {act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(1500 * time.Millisecond)
			c.ends(130) // as with trap 'exit 130' INT TERM
			sleep(time.Minute)
		}, want: "1s group terminated, 1.5s start A=2 B=1, 1m1.5s exit 0"},
		"SIGHUP during a restart ends nothing": {takes: obeys, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(1500 * time.Millisecond)
			c.s.Signal(syscall.SIGHUP)
			sleep(time.Minute)
		}, want: "1s group terminated, 2s start A=2 B=1, 1m1.5s exit 0"},
		"with Deliver, a command that the signal ends is restarted": {config: Config{Signal: syscall.SIGHUP}, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(2 * time.Second)
			c.happens(exited{signal: syscall.SIGHUP, alone: true})
			sleep(time.Minute)
		}, want: "1s write A=2 B=1, 1s command hangup, 2s start A=2 B=1, 1m2s exit 0"},
		"the command decides about other signals": {act: func(c *scene) {
			for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGCONT} {
				c.s.Signal(signal)
				synctest.Wait()
			}
		}, want: "0s group interrupt, 0s command hangup, 0s command user defined signal 1, 0s group window changed, 0s resume, 0s exit 0"},
		"a stopped command stops the program": {act: func(c *scene) { c.happens(stopped{syscall.SIGTSTP}) }, want: "0s suspend stopped, 0s exit 0"},
		"a failed read is repeated": {takes: obeys, act: func(c *scene) {
			c.set(func(c *scene) { c.readError = errors.New("no Vault") })
			c.change("A=2", "B=1")
			sleep(5 * time.Second) // fails after 0.5 s, 1.5 s and 3.5 s
			c.set(func(c *scene) { c.readError, c.sendError = nil, nil })
			sleep(time.Minute)
		}, want: "8s group terminated, 9s start A=2 B=1, 1m5s exit 0"},
		"a failure does not restart the command": {act: func(c *scene) { c.ends(1) }, want: "0s exit 1"},
		"with RestartOnFailure it does, after pauses that grow": {config: Config{RestartOnFailure: true}, act: func(c *scene) {
			for _, pause := range []time.Duration{1, 2, 4} {
				c.ends(1)
				sleep(pause * time.Second)
			}
			sleep(steady)
			c.ends(1)
			sleep(time.Second)
			c.ends(0)
		}, want: "1s start A=1 B=1, 3s start A=1 B=1, 7s start A=1 B=1, 1m8s start A=1 B=1, 1m8s exit 0"},
		"an end by SIGINT is no failure": {config: Config{RestartOnFailure: true}, takes: obeys, act: func(c *scene) {
			c.s.Signal(syscall.SIGINT)
		}, want: "0s group interrupt, 0s exit 130"},
		"a change ends the pause": {config: Config{RestartOnFailure: true}, act: func(c *scene) {
			for range 4 {
				c.ends(1)
				sleep(time.Minute)
			}
			c.ends(1) // the pause is 16 s
			c.change("A=2", "B=1")
			sleep(time.Minute)
		}, want: "1s start A=1 B=1, 1m2s start A=1 B=1, 2m4s start A=1 B=1, 3m8s start A=1 B=1, 4m1s start A=2 B=1, 5m0s exit 0"},
		"SIGTERM ends the pause": {config: Config{RestartOnFailure: true}, act: func(c *scene) {
			c.ends(1)
			c.s.Signal(syscall.SIGCONT)
			c.s.Signal(syscall.SIGUSR1)
			c.s.Signal(syscall.SIGTERM)
		}, want: "0s exit 143"},
		"a restart that fails ends the program": {takes: obeys, act: func(c *scene) {
			c.set(func(c *scene) { c.startFail = exitcode.WithCode(errors.New("too large"), 126) })
			c.change("A=2", "B=1")
			sleep(time.Minute)
		}, want: "1s group terminated, 2s start A=2 B=1, 2s exit 126"},
		"a restart that fails is repeated with RestartOnFailure": {config: Config{RestartOnFailure: true}, takes: obeys, act: func(c *scene) {
			c.set(func(c *scene) { c.startFail = exitcode.WithCode(errors.New("busy"), 126) })
			c.change("A=2", "B=1")
			sleep(2 * time.Second)
			c.set(func(c *scene) { c.startFail = nil })
			sleep(time.Minute)
		}, want: "1s group terminated, 2s start A=2 B=1, 3s start A=2 B=1, 1m2s exit 0"},
		"with Deliver, values are written and the command is signaled": {config: Config{Signal: syscall.SIGHUP}, act: func(c *scene) {
			c.change("A=2", "B=1")
			sleep(time.Minute)
			c.s.Notice()
			sleep(time.Minute)
		}, want: "1s write A=2 B=1, 1s command hangup, 2m0s exit 0"},
		"a write that fails is repeated, and no signal is sent before": {config: Config{Signal: syscall.SIGHUP}, act: func(c *scene) {
			c.set(func(c *scene) { c.sendError = errors.New("disk full") })
			c.change("A=2", "B=1")
			sleep(2500 * time.Millisecond) // fails after 1 s and 2 s
			c.set(func(c *scene) { c.readError, c.sendError = nil, nil })
			sleep(time.Minute)
		}, want: "1s write A=2 B=1, 2s write A=2 B=1, 4s write A=2 B=1, 4s command hangup, 1m2.5s exit 0"},
		"with Deliver, a change during a pause is written": {config: Config{Signal: syscall.SIGHUP, RestartOnFailure: true}, act: func(c *scene) {
			for range 3 {
				c.ends(1)
				sleep(time.Minute / 2)
			}
			c.ends(1) // the pause is 8 s
			c.change("A=2", "B=1")
			sleep(time.Minute)
		}, want: "1s start A=1 B=1, 32s start A=1 B=1, 1m4s start A=1 B=1, 1m31s write A=2 B=1, 1m38s start A=2 B=1, 2m30s exit 0"},
		"with Deliver, a variable that comes back after a write without it is written again": {config: Config{Signal: syscall.SIGHUP}, act: func(c *scene) {
			c.change("B=1")
			sleep(time.Minute)
			c.change("B=2")
			sleep(time.Minute)
			for range 2 {
				c.change("A=1", "B=2")
				sleep(time.Minute)
			}
		}, want: "1m1s write B=2, 1m1s command hangup, 2m0.5s write A=1 B=2, 2m0.5s command hangup, 4m0s exit 0"},
		"with Deliver, a failure starts the command as it was": {config: Config{Signal: syscall.SIGHUP, RestartOnFailure: true}, act: func(c *scene) {
			c.ends(1)
			sleep(time.Minute)
		}, want: "1s start A=1 B=1, 1m0s exit 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := play(t, tc.config, tc.takes, tc.act)
			log = slices.DeleteFunc(log[1:], func(line string) bool { return strings.Contains(line, " says ") })
			if got := strings.Join(log, ", "); got != tc.want {
				t.Errorf("the supervisor does\n%s, want\n%s", got, tc.want)
			}
		})
	}
}

// The splay delays a restart by a random time below its limit, and what changes meanwhile
// is part of that restart.
func TestSupervisor_Splay(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 20 {
		log := play(t, Config{Splay: time.Hour}, nil, func(c *scene) {
			c.change("A=2", "B=1")
			sleep(time.Hour + time.Minute)
		})
		log = slices.DeleteFunc(log, func(line string) bool { return !strings.Contains(line, "group terminated") })
		if len(log) != 1 {
			t.Fatalf("the supervisor stops the command at %q, want once within the hour", log)
		}
		seen[log[0]] = true
	}
	if len(seen) < 10 {
		t.Errorf("the restarts of 20 supervisors are at %d times, want at least 10", len(seen))
	}
}

// What the user reads names variables, and no value.
func TestSupervisor_SaysNoValue(t *testing.T) {
	t.Parallel()
	log := play(t, Config{RestartOnFailure: true}, map[syscall.Signal]time.Duration{syscall.SIGTERM: 0}, func(c *scene) {
		c.change("A=sk-canary-1")
		sleep(time.Minute)
		c.ends(1)
		sleep(time.Minute)
	})
	said := strings.Join(slices.DeleteFunc(log, func(line string) bool { return !strings.Contains(line, " says ") }), "\n")
	for _, want := range []string{"no longer in Vault: B;", "because the value changed of A", "exit code 1, and starts again in 1s"} {
		if !strings.Contains(said, want) {
			t.Errorf("the supervisor says\n%s\nwant %q in it", said, want)
		}
	}
	if strings.Contains(said, "canary") || strings.Contains(fmt.Sprintf("%v %+v %#v", values{"A": "canary"}, values{"A": "canary"}, values{"A": "canary"}), "canary") {
		t.Errorf("the supervisor says %q, want no value in it", said)
	}
}

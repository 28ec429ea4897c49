//go:build unix

package supervise

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// scene is a supervisor with a process, a Vault and a clock that are not real. log has
// what happened, with the time since the start.
type scene struct {
	s     *Supervisor
	began time.Time
	code  chan int

	mu        sync.Mutex
	post      func(event) // of the running process
	log       []string
	variables []string
	readError error
	sendError error

	takes     map[syscall.Signal]time.Duration // from a signal until the process ends; else it ignores it
	leaves    time.Duration                    // how long its group outlives it
	startFail error
	silent    bool // the process does not even end when it is killed
}

// running returns the function that posts events of the running process.
func (c *scene) running() func(event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.post
}

// happens posts an event of the running process.
func (c *scene) happens(e event) {
	c.running()(e)
	synctest.Wait()
}

// sleep lets time pass.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (c *scene) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprint(time.Since(c.began), " ", fmt.Sprintf(format, args...)))
}

func (c *scene) Start(environ []string, post func(event)) error {
	c.note("start %s", strings.Join(environ, " "))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.post = post
	return c.startFail
}

func (c *scene) SignalGroup(signal syscall.Signal) {
	if signal == syscall.SIGCONT {
		return // follows each SIGTERM
	}
	c.note("group %v", signal)
	c.mu.Lock()
	defer c.mu.Unlock()
	delay, obeyed := c.takes[signal]
	if obeyed || signal == syscall.SIGKILL && !c.silent {
		leaves := c.leaves
		if signal == syscall.SIGKILL {
			leaves = 0
		}
		go end(c.post, signal, delay, leaves)
	}
}

// end ends a process by a signal after a delay, and its group later.
func end(post func(event), signal syscall.Signal, delay, leaves time.Duration) {
	time.Sleep(delay)
	post(exited{signal: signal, alone: leaves == 0})
	if leaves > 0 {
		time.Sleep(leaves)
		post(gone{})
	}
}

func (c *scene) SignalCommand(signal syscall.Signal) { c.note("command %v", signal) }
func (c *scene) Suspend(signal syscall.Signal)       { c.note("suspend %v", signal) }
func (c *scene) Resume()                             { c.note("resume") }
func (c *scene) Ended()                              {}
func (c *scene) OnTerminal() bool                    { return false }

// change changes the variables in Vault, and has the supervisor notice it.
func (c *scene) change(variables ...string) {
	c.mu.Lock()
	c.variables = variables
	c.mu.Unlock()
	c.s.Notice()
	synctest.Wait()
}

// ends has the process end by itself, with nothing left of its group.
func (c *scene) ends(code int) { c.happens(exited{code: code, alone: true}) }

func (c *scene) read(context.Context) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.variables), c.readError
}

// set changes how the scene goes on.
func (c *scene) set(change func(*scene)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *scene) deliver(context.Context) ([]string, error) {
	c.mu.Lock()
	err, text := c.sendError, strings.Join(c.variables, " ")
	names := slices.Collect(maps.Keys(valuesOf(c.variables)))
	c.mu.Unlock()
	c.note("write %s", text)
	return names, err
}

// play runs a scene that starts with A=1 and B=1, and returns its log. Its last line is
// the exit code. A scene that does not end by itself ends with success.
func play(t *testing.T, config Config, takes map[syscall.Signal]time.Duration, act func(*scene)) (log []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &scene{began: time.Now(), variables: []string{"A=1", "B=1"}, takes: takes, code: make(chan int, 1)}
		config.Read, config.Base = c.read, func(variables []string) []string { return variables }
		config.Say = func(format string, args ...any) { c.note("says "+format, args...) }
		if config.Grace == 0 {
			config.Grace = 10 * time.Second
		}
		if config.Signal != 0 {
			config.Deliver = c.deliver
		}
		c.s = New(config, c)
		go func() {
			code, err := c.s.Run(t.Context(), c.variables)
			if err != nil {
				t.Errorf("Run() = %v, want no error", err)
			}
			c.note("exit %d", code)
			c.code <- code
		}()
		synctest.Wait()
		act(c)
		if synctest.Wait(); len(c.code) == 0 {
			c.ends(0)
		}
		<-c.code
		log = c.log
	})
	return log
}

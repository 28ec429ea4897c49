package devvault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	// pollEvery is short because a server is ready in a fraction of a second
	// and every test package starts one.
	pollEvery = 5 * time.Millisecond

	// portAttempts limits how often another port is tried if another process takes the
	// chosen one before the server does.
	portAttempts = 5
)

// How long a server may take to answer and to become active: hundreds of times
// what an idle machine needs, because tests share a busy one.
const (
	readyInMemory = 20 * time.Second
	readyRaft     = 60 * time.Second
)

// errPortInUse means that another process has the server's port.
var errPortInUse = errors.New("its port is in use")

// withTimeout limits how long an operation waits for the server.
func (n *node) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := readyInMemory
	if n.raft {
		limit = readyRaft
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("vault is not ready after %s", limit))
}

// launch chooses ports and starts the server for the first time.
func (n *node) launch(ctx context.Context, port int) error {
	for attempt := 1; ; attempt++ {
		if err := n.choosePorts(port); err != nil {
			return err
		}
		if err := n.prepare(); err != nil {
			return fmt.Errorf("prepare %s: %w", n.dir, err)
		}
		proc, err := n.run(ctx)
		if err == nil {
			n.proc, n.api = proc, newAPI(n.addr(), n.keys)
			return nil
		}
		if port != 0 || attempt == portAttempts || !errors.Is(err, errPortInUse) {
			return err
		}
	}
}

// restart starts the server again on its port and data, after a kill or after ending it
// cleanly, and unseals it.
func (n *node) restart(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return errors.New("the server was stopped and its data removed: start a new one")
	}
	if !n.raft {
		return errors.New("an in-memory server loses its data: start it with Options.Raft")
	}
	if err := n.endProcess((*process).stop); err != nil {
		return err
	}
	proc, err := n.run(ctx)
	if err != nil {
		return err
	}
	n.proc = proc
	return n.api.unseal(ctx)
}

// kill ends the server at once, as a crash would.
func (n *node) kill() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.endProcess((*process).kill)
}

// stopForGood ends the server. It cannot be restarted.
func (n *node) stopForGood(how func(*process) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	return n.endProcess(how)
}

// endProcess ends the process, if there is one. The caller holds the lock.
func (n *node) endProcess(how func(*process) error) error {
	if n.proc == nil {
		return nil
	}
	err := how(n.proc)
	n.proc = nil
	return errors.Join(err, n.stubsCalled())
}

// withLog adds the end of the server's log to its error.
func (n *node) withLog(err error) error {
	return fmt.Errorf("%w; the server's log:\n%s", err, n.logTail())
}

// run starts the server and returns when it answers.
func (n *node) run(ctx context.Context) (*process, error) {
	log, err := os.Create(n.logFile()) // truncated, so that it has only this run
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	cmd := exec.Command(n.binary.path, "server", "-config="+n.configFile())
	cmd.Dir, cmd.Env = n.dir, n.env()
	cmd.Stdout, cmd.Stderr = log, log
	proc, err := startProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", n.binary.path, err)
	}
	if err := n.awaitStart(ctx, proc); err != nil {
		return nil, errors.Join(err, proc.kill(), n.stubsCalled())
	}
	return proc, nil
}

// env returns the child's environment. Our VAULT_ variables would change the server, and
// our home directory has the user's ~/.vault-token.
func (n *node) env() []string {
	env := []string{
		"HOME=" + n.homeDir(), "USERPROFILE=" + n.homeDir(), "TMPDIR=" + n.homeDir(),
		// With autopilot, a joined node waits ten seconds before it may vote.
		// OpenBao uses the same variable.
		"VAULT_RAFT_AUTOPILOT_DISABLE=true",
	}
	if root, ok := os.LookupEnv("SYSTEMROOT"); ok { // Windows programs need it
		env = append(env, "SYSTEMROOT="+root)
	}
	return env
}

// awaitStart waits until the server's log says that it has started. A response on its port
// would not suffice, because another server could have the port.
func (n *node) awaitStart(ctx context.Context, proc *process) error {
	err := poll(ctx, pollEvery, func() (bool, error) {
		if proc.ended() {
			return false, n.exitError(proc)
		}
		return n.logs("server started"), nil
	})
	if err != nil && !proc.ended() {
		return n.withLog(err)
	}
	return err
}

// exitError returns the reason why the server ended before it was ready.
func (n *node) exitError(proc *process) error {
	how := proc.err
	if how == nil {
		how = errors.New("exit status 0")
	}
	for _, text := range []string{"address already in use", "Only one usage of each socket address"} {
		if n.logs(text) {
			how = errors.Join(errPortInUse, how)
		}
	}
	return n.withLog(fmt.Errorf("%s ended during its start: %w", n.binary.path, how))
}

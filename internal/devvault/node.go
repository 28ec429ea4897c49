package devvault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// pollEvery is short because a server is ready in a fraction of a second
	// and every test package starts one.
	pollEvery = 5 * time.Millisecond

	// portAttempts bounds how often we try another port when somebody takes
	// the one we chose before the server does.
	portAttempts = 5

	// maxLogTail bounds how much of the server's log an error carries.
	maxLogTail = 4 << 10
)

// errPortInUse says that the server could not have its port.
var errPortInUse = errors.New("its port is in use")

// node is what to run and where.
type node struct {
	binary  binary
	dir     string // private; holds everything below
	raft    bool
	port    int
	cluster int // port for the node's peers, of which it has none, but Raft insists
}

func (n *node) addr() string       { return "http://" + loopback(n.port) }
func (n *node) configFile() string { return filepath.Join(n.dir, "config.json") }
func (n *node) logFile() string    { return filepath.Join(n.dir, "server.log") }
func (n *node) auditFile() string  { return filepath.Join(n.dir, "audit.log") }
func (n *node) raftDir() string    { return filepath.Join(n.dir, "raft") }
func (n *node) homeDir() string    { return filepath.Join(n.dir, "home") }
func loopback(port int) string     { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
func (n *node) logTail() string    { return tail(n.log(), maxLogTail) }
func (n *node) log() (text []byte) { text, _ = os.ReadFile(n.logFile()); return text }
func (n *node) logs(s string) bool { return bytes.Contains(n.log(), []byte(s)) }

// choosePorts picks the node's ports: the given one, or a free one.
func (n *node) choosePorts(port int) error {
	// Both are open at once, so that they differ.
	api, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return fmt.Errorf("port %d: %w: choose another one", port, err)
	}
	defer func() { _ = api.Close() }()
	cluster, err := net.Listen("tcp", loopback(0))
	if err != nil {
		return err
	}
	defer func() { _ = cluster.Close() }()
	n.port = api.Addr().(*net.TCPAddr).Port
	n.cluster = cluster.Addr().(*net.TCPAddr).Port
	return nil
}

// prepare writes the configuration and makes the directories it names.
func (n *node) prepare() error {
	for _, dir := range []string{n.homeDir(), n.raftDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(n.config(), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(n.configFile(), text, 0o600)
}

// config is the configuration in the syntax that the pinned server, Vault and
// OpenBao have in common. It holds no secret.
func (n *node) config() map[string]any {
	storage := map[string]any{"inmem": map[string]any{}}
	if n.raft {
		storage = map[string]any{"raft": map[string]any{
			"path":    n.raftDir(),
			"node_id": "dev",
			// The default is meant for slow networks and has a lone node wait
			// eight seconds for itself; so it is two.
			"performance_multiplier": "1",
		}}
	}
	return map[string]any{
		"storage": storage,
		"listener": []any{map[string]any{"tcp": map[string]any{
			"address":         loopback(n.port),
			"cluster_address": loopback(n.cluster),
			"tls_disable":     true,
		}}},
		"api_addr":      n.addr(),
		"cluster_addr":  "https://" + loopback(n.cluster),
		"disable_mlock": true,
		"log_level":     "info",
		// OpenBao wants this before it lets us enable an audit device; Vault
		// ignores it with a warning.
		"unsafe_allow_api_audit_creation": true,
	}
}

// run starts the server and returns when it answers.
func (n *node) run(ctx context.Context) (*process, error) {
	log, err := os.Create(n.logFile()) // truncated: it is about this run
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
		return nil, errors.Join(err, proc.kill())
	}
	return proc, nil
}

// env is the child's environment. VAULT_ variables of ours would change the
// server, and a home of its own keeps it from the user's ~/.vault-token.
func (n *node) env() []string {
	env := []string{"HOME=" + n.homeDir(), "USERPROFILE=" + n.homeDir(), "TMPDIR=" + n.homeDir()}
	if root, ok := os.LookupEnv("SYSTEMROOT"); ok { // nothing runs on Windows without
		env = append(env, "SYSTEMROOT="+root)
	}
	return env
}

// awaitStart waits for the server to say that it has started. An answer on its
// port would not do: it could come from another server that has the port.
func (n *node) awaitStart(ctx context.Context, proc *process) error {
	err := poll(ctx, pollEvery, func() (bool, error) {
		if proc.ended() {
			return false, n.explainEnd(proc)
		}
		return n.logs("server started"), nil
	})
	if err != nil && !proc.ended() {
		return fmt.Errorf("%w; the server's log:\n%s", err, n.logTail())
	}
	return err
}

// explainEnd says why the server ended before it was ready.
func (n *node) explainEnd(proc *process) error {
	how := proc.err
	if how == nil {
		how = errors.New("exit status 0")
	}
	for _, text := range []string{"address already in use", "Only one usage of each socket address"} {
		if n.logs(text) {
			how = errors.Join(errPortInUse, how)
		}
	}
	return fmt.Errorf("%s ended at once: %w; the server's log:\n%s", n.binary.path, how, n.logTail())
}

// launch chooses ports and starts the server on them.
func (s *Server) launch(ctx context.Context, port int) error {
	for attempt := 1; ; attempt++ {
		if err := s.node.choosePorts(port); err != nil {
			return err
		}
		if err := s.node.prepare(); err != nil {
			return fmt.Errorf("prepare %s: %w", s.node.dir, err)
		}
		proc, err := s.node.run(ctx)
		if err == nil {
			s.proc = proc
			return nil
		}
		if port != 0 || attempt == portAttempts || !errors.Is(err, errPortInUse) {
			return err
		}
	}
}

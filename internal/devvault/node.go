package devvault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// maxLogTail limits how much of the server's log an error contains.
const maxLogTail = 4 << 10

// node is one server: its binary, its files, and its process while it runs.
type node struct {
	binary      binary
	dir         string // private
	raft        bool
	id          string // unique in its cluster
	port        int
	clusterPort int // port for other nodes; Raft requires one even without other nodes

	keys *credentials // shared by a cluster
	api  *api         // set once the port is chosen

	mu      sync.Mutex // serialises stopForGood, kill and restart
	proc    *process   // nil while it does not run
	stopped bool
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

// choosePorts chooses the node's ports. The API's port is the given one, or a free one.
func (n *node) choosePorts(port int) error {
	// Both listeners are open at the same time, so that the ports differ.
	api, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return fmt.Errorf("port %d: %w: choose another port", port, err)
	}
	defer func() { _ = api.Close() }()
	cluster, err := net.Listen("tcp", loopback(0))
	if err != nil {
		return err
	}
	defer func() { _ = cluster.Close() }()
	n.port = api.Addr().(*net.TCPAddr).Port
	n.clusterPort = cluster.Addr().(*net.TCPAddr).Port
	return nil
}

// prepare creates the configuration and its directories.
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

// config returns a configuration that the pinned server, Vault and OpenBao accept. It
// contains no secret.
func (n *node) config() map[string]any {
	storage := map[string]any{"inmem": map[string]any{}}
	if n.raft {
		storage = map[string]any{"raft": map[string]any{
			"path":    n.raftDir(),
			"node_id": n.id,
			// The default is meant for slow networks: a single node takes eight
			// seconds to become the leader. With 1 it takes two.
			"performance_multiplier": "1",
		}}
	}
	return map[string]any{
		"storage": storage,
		"listener": []any{map[string]any{"tcp": map[string]any{
			"address":         loopback(n.port),
			"cluster_address": loopback(n.clusterPort),
			"tls_disable":     true,
		}}},
		"api_addr":      n.addr(),
		"cluster_addr":  "https://" + loopback(n.clusterPort),
		"disable_mlock": true,
		"log_level":     "info",
		// OpenBao requires this to enable an audit device. Vault ignores it with a
		// warning.
		"unsafe_allow_api_audit_creation": true,
	}
}

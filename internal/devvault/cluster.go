package devvault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ClusterOptions describes the cluster to start. The zero value has three nodes.
type ClusterOptions struct {
	// Nodes is the number of nodes. The default is 3, which can lose one.
	Nodes int

	// Log is as in [Options].
	Log io.Writer
}

// leaderEvery is the pause between searches for the leader. An election takes a second or
// more, and needs the same processors.
const leaderEvery = 50 * time.Millisecond

// Cluster is a Raft cluster of Vault servers on the loopback interface, with a common
// unseal key. Its methods are safe for concurrent use.
type Cluster struct {
	nodes   []*node
	keys    *credentials
	dir     string
	openBao bool
}

// StartCluster runs a Raft cluster and returns when every node serves requests, with the
// same mounts as [Start]. No node has an audit device, because a cluster shares its
// settings and all nodes would write to one file. ctx limits only the start; the cluster
// runs until [Cluster.Stop].
//
// Nodes are counted from 0. At first node 0 is the leader.
func StartCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	bin, dir, err := prepareBinary(ctx, Options{Log: cmp.Or[io.Writer](o.Log, os.Stderr)})
	if err != nil {
		return nil, wrap("start a cluster", err)
	}
	c := &Cluster{keys: &credentials{}, dir: dir}
	for i := range cmp.Or(o.Nodes, 3) {
		id := fmt.Sprintf("node-%d", i)
		c.nodes = append(c.nodes, &node{binary: bin, dir: filepath.Join(dir, id), raft: true, id: id, keys: c.keys})
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(wrap("start a cluster", err), c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	for i, n := range c.nodes {
		if err := c.startNode(ctx, i); err != nil {
			return fmt.Errorf("%s: %w", n.id, err)
		}
	}
	return nil
}

// startNode starts a node. The first node creates the cluster, the others join it.
func (c *Cluster) startNode(ctx context.Context, i int) error {
	n := c.nodes[i]
	ctx, cancel := n.withTimeout(ctx)
	defer cancel()
	if err := n.launch(ctx, 0); err != nil {
		return err
	}
	var err error
	if i == 0 {
		err = n.api.createCluster(ctx)
		c.openBao = n.api.isOpenBao(ctx)
	} else {
		err = n.api.join(ctx, c.Addr(0))
	}
	if err != nil {
		return n.withLog(err)
	}
	return nil
}

// createCluster makes a new server the first node of a cluster.
func (a *api) createCluster(ctx context.Context) error {
	if err := a.initialise(ctx); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	if err := a.unseal(ctx); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	return a.mount(ctx)
}

// join makes a new server a node of the leader's cluster. Unsealing it proves to the
// leader that it has the key.
func (a *api) join(ctx context.Context, leader string) error {
	if err := a.call(ctx, http.MethodPost, "sys/storage/raft/join", object{"leader_api_addr": leader}, nil); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if err := a.unseal(ctx); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	return nil
}

// Nodes returns the number of nodes, including those that do not run.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Addr returns a node's base URL, http://127.0.0.1:PORT. It stays the same through
// [Cluster.Kill] and [Cluster.Restart].
func (c *Cluster) Addr(i int) string { return c.nodes[i].addr() }

// Addrs returns the base URLs of all nodes, in order.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.nodes))
	for i := range c.nodes {
		addrs[i] = c.Addr(i)
	}
	return addrs
}

// RootToken returns a token that may do everything on any node.
func (c *Cluster) RootToken() string { return c.keys.rootToken }

// OpenBao reports whether the nodes are OpenBao servers. Their standbys answer reads themselves and
// may be behind, and OpenBao has no header to ask the active node. Clients that write must talk
// to the active node.
func (c *Cluster) OpenBao() bool { return c.openBao }

// String returns the addresses of the nodes. Neither String nor any other way to format a
// Cluster shows the root token or the unseal key.
func (c *Cluster) String() string { return fmt.Sprintf("devvault.Cluster%v", c.Addrs()) }

// GoString returns the same as String.
func (c *Cluster) GoString() string { return c.String() }

// Format prints String for every verb.
func (c *Cluster) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// Leader waits until a node is the active one and returns its number.
func (c *Cluster) Leader(ctx context.Context) (int, error) {
	ctx, cancel := c.nodes[0].withTimeout(ctx)
	defer cancel()
	leader := -1
	err := poll(ctx, leaderEvery, func() (bool, error) {
		for i, n := range c.nodes {
			// 200 is active; a sealed node answers 503, a standby 429.
			if n.api.call(ctx, http.MethodGet, "sys/health", nil, nil) == nil {
				leader = i
				return true, nil
			}
		}
		return false, nil
	})
	return leader, wrap("find the leader", err)
}

// Kill ends a node at once, as a crash would. Its data stays for [Cluster.Restart].
// Killing a node that does not run does nothing.
func (c *Cluster) Kill(i int) error { return wrap("kill", c.nodes[i].kill()) }

// Restart starts a node again, after [Cluster.Kill] or after ending it cleanly, and
// unseals it. It returns when the node serves requests, which needs a majority of nodes.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	ctx, cancel := c.nodes[i].withTimeout(ctx)
	defer cancel()
	return wrap("restart", c.nodes[i].restart(ctx))
}

// Stop kills all nodes and removes their directories. Calling Stop again does nothing.
func (c *Cluster) Stop() error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.stopForGood((*process).kill) })
	}
	all.Wait()
	return wrap("stop", errors.Join(append(errs, os.RemoveAll(c.dir))...))
}

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

// ClusterOptions says which cluster to start. The zero value is three nodes.
type ClusterOptions struct {
	// Nodes is how many there are. Default: 3, which can lose one.
	Nodes int

	// Log is as in [Options].
	Log io.Writer
}

// leaderEvery is how often the nodes are asked who leads: an election takes a
// second or more, on processors that the nodes need themselves.
const leaderEvery = 50 * time.Millisecond

// Cluster is a Raft cluster of Vault servers, all on this machine's loopback
// and unsealed by the same key. Its methods may be used concurrently.
type Cluster struct {
	nodes []*node
	keys  *credentials
	dir   string
}

// StartCluster runs a Raft cluster and returns when every node serves requests,
// with the same mounts as [Start] has. No node has an audit device: Vault keeps
// the device's settings in common, so that all would write to one file. ctx
// bounds the start only; the cluster runs until [Cluster.Stop].
//
// Nodes are counted from 0. At first node 0 leads.
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

// enter starts a node. The first one founds the cluster, the others join it.
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
	} else {
		err = n.api.join(ctx, c.Addr(0))
	}
	if err != nil {
		return n.withLog(err)
	}
	return nil
}

// found makes a server that has just started the first node of a cluster.
func (a *api) createCluster(ctx context.Context) error {
	if err := a.initialise(ctx); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	if err := a.unseal(ctx); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	return a.mount(ctx)
}

// join makes a server that has just started another node of the leader's
// cluster. Unsealing it proves to the leader that it has the key.
func (a *api) join(ctx context.Context, leader string) error {
	if err := a.call(ctx, http.MethodPost, "sys/storage/raft/join", object{"leader_api_addr": leader}, nil); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if err := a.unseal(ctx); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	return nil
}

// Nodes is how many nodes there are, dead ones included.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Addr is a node's base URL, http://127.0.0.1:PORT. It stays the same over
// [Cluster.Kill] and [Cluster.Restart].
func (c *Cluster) Addr(i int) string { return c.nodes[i].addr() }

// Addrs are the base URLs of all nodes, in their order.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.nodes))
	for i := range c.nodes {
		addrs[i] = c.Addr(i)
	}
	return addrs
}

// RootToken is a token that may do everything, at any node.
func (c *Cluster) RootToken() string { return c.keys.rootToken }

// String names the nodes. It never shows the root token or the unseal key, and
// neither does any other way of formatting a Cluster.
func (c *Cluster) String() string { return fmt.Sprintf("devvault.Cluster%v", c.Addrs()) }

// GoString is like String.
func (c *Cluster) GoString() string { return c.String() }

// Format prints String, whatever the verb.
func (c *Cluster) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// Leader waits until a node leads and serves, and returns which.
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

// Kill ends a node at once, as a crash would. Its data stays for
// [Cluster.Restart]. Killing a node that isn't running does nothing.
func (c *Cluster) Kill(i int) error { return wrap("kill", c.nodes[i].kill()) }

// Restart starts a node again after [Cluster.Kill], or ends it cleanly and
// starts it again, unseals it, and returns when it serves requests, which takes
// a majority of nodes.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	ctx, cancel := c.nodes[i].withTimeout(ctx)
	defer cancel()
	return wrap("restart", c.nodes[i].restart(ctx))
}

// Stop ends all nodes, by force since nothing of them is to stay, and removes
// their directories. Stopping twice does nothing.
func (c *Cluster) Stop() error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.stopForGood((*process).kill) })
	}
	all.Wait()
	return wrap("stop", errors.Join(append(errs, os.RemoveAll(c.dir))...))
}

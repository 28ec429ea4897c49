package devvault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/internal/short"
)

// TestCluster runs its steps on one cluster, because starting one takes seconds.
func TestCluster(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	c := startCluster(t)
	for _, step := range []struct {
		name string
		test func(*testing.T, *Cluster)
	}{
		{"every node has a vote", everyNodeVotes},
		{"a write at one node is read at all", writesSpread},
		{"secrets stay inside", clusterKeepsSecrets},
		{"a killed leader is replaced and comes back", leaderIsReplaced},
		{"the node that came back counts for the majority", leaderIsReplaced},
		{"nobody leads a minority", minorityWaits},
		{"stop", clusterStops},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, c) }) {
			return
		}
	}
}

func startCluster(t *testing.T) *Cluster {
	t.Helper()
	began := time.Now()
	c, err := StartCluster(t.Context(), ClusterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("Stop = %v, want nil", err)
		}
	})
	t.Logf("started %s in %s", c, time.Since(began).Round(time.Millisecond))
	return c
}

func everyNodeVotes(t *testing.T, c *Cluster) {
	var answer struct {
		Data struct {
			Config struct {
				Servers []struct {
					ID    string `json:"node_id"`
					Voter bool   `json:"voter"`
				} `json:"servers"`
			} `json:"config"`
		} `json:"data"`
	}
	if err := c.nodes[0].api.call(t.Context(), http.MethodGet, "sys/storage/raft/configuration", nil, &answer); err != nil {
		t.Fatal(err)
	}
	var voters []string
	for _, server := range answer.Data.Config.Servers {
		if server.Voter {
			voters = append(voters, server.ID)
		}
	}
	if want := []string{"node-0", "node-1", "node-2"}; !slices.Equal(voters, want) {
		t.Errorf("voters = %v, want %v", voters, want)
	}
	if leader := leaderOf(t, c); leader != 0 {
		t.Errorf("Leader = %d, want 0", leader)
	}
}

func leaderOf(t *testing.T, c *Cluster) int {
	t.Helper()
	leader, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leader
}

func writesSpread(t *testing.T, c *Cluster) {
	for i := range c.Nodes() {
		name := fmt.Sprintf("from-%d", i)
		putAt(t, c.nodes[i].api, name, "v")
		for j := range c.Nodes() {
			awaitAt(t, c.nodes[j], name)
		}
	}
}

// awaitAt waits until a node has a secret of putAt. A standby of OpenBao answers reads itself,
// and is a little behind.
func awaitAt(t *testing.T, n *node, name string) {
	t.Helper()
	ctx, cancel := n.withTimeout(t.Context())
	defer cancel()
	var got string
	var last error
	err := poll(ctx, pollEvery, func() (bool, error) {
		got, last = getAt(t, n.api, name)
		return got == "v", nil
	})
	if err != nil {
		t.Errorf("get(%s) at %s = %q, %v, want its value", name, n.id, got, last)
	}
}

func clusterKeepsSecrets(t *testing.T, c *Cluster) {
	if c.RootToken() == "" || !strings.Contains(c.String(), c.Addr(2)) {
		t.Fatalf("cluster %s: want a root token, and the nodes' addresses in String", c)
	}
	wantNoSecret(t, c.keys, printed(t, c, c.keys, c.nodes...))
}

// leaderIsReplaced runs twice. The second leader can be replaced only if the first one,
// restarted, votes for the third.
func leaderIsReplaced(t *testing.T, c *Cluster) {
	old := leaderOf(t, c)
	name := fmt.Sprintf("before-the-end-of-%d", old)
	putAt(t, c.nodes[old].api, name, "v")
	began := time.Now()
	for range 2 {
		if err := c.Kill(old); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := getAt(t, c.nodes[old].api, name); err == nil {
		t.Error("a killed node answers, want an error")
	}
	leader := leaderOf(t, c)
	t.Logf("node %d replaced node %d within %s", leader, old, time.Since(began).Round(time.Millisecond))
	if leader == old {
		t.Fatal("Leader returns a killed node, want another one")
	}
	awaitAt(t, c.nodes[leader], name)
	addr, began := c.Addr(old), time.Now()
	if err := c.Restart(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	t.Logf("node %d is back within %s", old, time.Since(began).Round(time.Millisecond))
	awaitAt(t, c.nodes[old], name)
	if got := c.Addr(old); got != addr {
		t.Errorf("Addr of the restarted node = %s, want %s", got, addr)
	}
}

func minorityWaits(t *testing.T, c *Cluster) {
	leader := leaderOf(t, c)
	dead := []int{leader, (leader + 1) % c.Nodes()}
	for _, i := range dead {
		if err := c.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if leader, err := c.Leader(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Leader = %d, %v, want another leader", leader, err)
	}
	for _, i := range dead {
		if err := c.Restart(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	awaitAt(t, c.nodes[leader], "from-0")
}

func clusterStops(t *testing.T, c *Cluster) {
	var running []*process
	for _, n := range c.nodes {
		running = append(running, n.proc)
	}
	for range 2 {
		if err := c.Stop(); err != nil {
			t.Errorf("Stop = %v, want nil", err)
		}
	}
	if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(%s) after Stop = %v, want it removed", c.dir, err)
	}
	for i, proc := range running {
		if !proc.ended() {
			t.Errorf("the process of node %d runs after Stop, want it ended", i)
		}
		if err := c.Restart(t.Context(), i); err == nil || !strings.Contains(err.Error(), "stopped") {
			t.Errorf("Restart after Stop = %v, want an error that says what to do", err)
		}
	}
}

func TestStartCluster_Canceled(t *testing.T) {
	short.RealOnly(t, "a server process or its build")
	if _, err := pinnedBinary(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := StartCluster(ctx, ClusterOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

package systemtest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goblin/vaultkit/internal/devvault"
)

// balancer is a load balancer in front of a cluster. It sends each connection to the next
// node that listens. It knows nothing of Vault, so it also uses sealed nodes. In front of
// OpenBao, it uses the active node only, and closes connections to a node that is not active any
// more: a standby of OpenBao may decide from an older state what a token may do.
type balancer struct {
	listener   net.Listener
	activeOnly bool
	nodes      []string // host:port
	next       atomic.Int64
	life       context.Context
	running    sync.WaitGroup
}

// newBalancer balances connections between the cluster's nodes until the test ends.
func newBalancer(t testing.TB, c *devvault.Cluster) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	b := &balancer{listener: listener, life: life, activeOnly: c.OpenBao()}
	for _, url := range c.Addrs() {
		b.nodes = append(b.nodes, strings.TrimPrefix(url, "http://"))
	}
	b.running.Go(b.accept)
	t.Cleanup(func() {
		end()
		_ = listener.Close()
		b.running.Wait()
	})
	return b
}

func (b *balancer) url() string { return "http://" + b.listener.Addr().String() }

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.running.Go(func() { b.serve(client) })
	}
}

// serve connects a client to a node until either closes the connection. If no node
// listens, it closes the client's connection.
func (b *balancer) serve(client net.Conn) {
	defer client.Close()
	node, address := b.dial()
	if node == nil {
		return
	}
	life, end := context.WithCancel(b.life)
	defer end()
	hangUp := func() { _, _ = client.Close(), node.Close() }
	defer hangUp()
	defer context.AfterFunc(life, hangUp)()
	if b.activeOnly {
		b.running.Go(func() { b.hangUpUnlessActive(life, address, hangUp) })
	}
	b.running.Go(func() {
		defer hangUp()
		_, _ = io.Copy(node, client)
	})
	_, _ = io.Copy(client, node)
}

func (b *balancer) dial() (conn net.Conn, address string) {
	for range b.nodes {
		address := b.nodes[int(b.next.Add(1))%len(b.nodes)]
		if b.activeOnly && !b.isActive(b.life, address) {
			continue
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn, address
		}
	}
	return nil, ""
}

// hangUpUnlessActive calls hangUp when the node is not active any more.
func (b *balancer) hangUpUnlessActive(ctx context.Context, address string, hangUp func()) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for b.isActive(ctx, address) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	hangUp()
}

// isActive asks for a node's health, as load balancers do. Only an active node answers 200.
func (*balancer) isActive(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+address+"/v1/sys/health", nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

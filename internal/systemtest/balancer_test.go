package systemtest_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// balancer is a load balancer in front of a cluster. It sends each connection to the next
// node that listens. It knows nothing of Vault, so it also uses sealed nodes.
type balancer struct {
	listener net.Listener
	nodes    []string // host:port
	next     atomic.Int64
	life     context.Context
	running  sync.WaitGroup
}

// newBalancer balances connections between the nodes' URLs until the test ends.
func newBalancer(t testing.TB, urls []string) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	b := &balancer{listener: listener, life: life}
	for _, url := range urls {
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
	node := b.dial()
	if node == nil {
		return
	}
	hangUp := func() { _, _ = client.Close(), node.Close() }
	defer hangUp()
	defer context.AfterFunc(b.life, hangUp)()
	b.running.Go(func() {
		defer hangUp()
		_, _ = io.Copy(node, client)
	})
	_, _ = io.Copy(client, node)
}

func (b *balancer) dial() net.Conn {
	for range b.nodes {
		next := int(b.next.Add(1)) % len(b.nodes)
		if conn, err := net.Dial("tcp", b.nodes[next]); err == nil {
			return conn
		}
	}
	return nil
}

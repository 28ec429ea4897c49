package faultproxy

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// gauge knows what is still going on, so that Wait and Close can wait for it.
// A sync.WaitGroup will not do: its Add from zero must not run beside Wait.
type gauge struct {
	mu       sync.Mutex
	changed  sync.Cond
	conns    int              // connections in net/http's hands
	handlers int              // requests, hijacked ones included
	held     map[*Request]int // that Wait waits for, and by how many holds
}

func newGauge() *gauge {
	g := &gauge{held: make(map[*Request]int)}
	g.changed.L = &g.mu
	return g
}

func (g *gauge) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	g.changed.Broadcast()
}

func (g *gauge) enter() (leave func()) {
	g.update(func() { g.handlers++ })
	return func() { g.update(func() { g.handlers-- }) }
}

func (g *gauge) hold(r *Request) (release func()) {
	g.update(func() { g.held[r]++ })
	return func() {
		g.update(func() {
			if g.held[r]--; g.held[r] == 0 {
				delete(g.held, r)
			}
		})
	}
}

// conn is the http.Server's ConnState hook. A connection is counted from before
// its goroutine starts until that goroutine is about to end.
func (g *gauge) conn(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.update(func() { g.conns++ })
	case http.StateClosed, http.StateHijacked:
		g.update(func() { g.conns-- })
	}
}

// delivered waits until none of the numbered requests (none given: of all) is held.
func (g *gauge) delivered(numbers []int) {
	g.until(func() bool {
		for r := range g.held {
			if len(numbers) == 0 || slices.Contains(numbers, r.N) {
				return false
			}
		}
		return true
	})
}

func (g *gauge) idle() {
	g.until(func() bool { return g.conns == 0 && g.handlers == 0 })
}

func (g *gauge) until(done func() bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !done() {
		g.changed.Wait()
	}
}

package faultproxy

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// activity counts connections and requests, so that Wait and Close can wait for them. A
// sync.WaitGroup does not work, because its Add from zero must not run concurrently with
// Wait.
type activity struct {
	mu       sync.Mutex
	changed  sync.Cond
	conns    int              // connections that net/http serves
	handlers int              // running requests, hijacked ones included
	held     map[*Request]int // requests that Wait waits for, with the number of holds
}

func newActivity() *activity {
	g := &activity{held: make(map[*Request]int)}
	g.changed.L = &g.mu
	return g
}

func (g *activity) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	g.changed.Broadcast()
}

func (g *activity) begin() (leave func()) {
	g.update(func() { g.handlers++ })
	return func() { g.update(func() { g.handlers-- }) }
}

func (g *activity) holdRequest(r *Request) (release func()) {
	g.update(func() { g.held[r]++ })
	return func() {
		g.update(func() {
			if g.held[r]--; g.held[r] == 0 {
				delete(g.held, r)
			}
		})
	}
}

// connState is the http.Server's ConnState hook. A connection counts from before its
// goroutine starts until that goroutine is about to end.
func (g *activity) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.update(func() { g.conns++ })
	case http.StateClosed, http.StateHijacked:
		g.update(func() { g.conns-- })
	}
}

// waitDelivered waits until none of the numbered requests is held, or none at all if no
// numbers are given.
func (g *activity) waitDelivered(numbers []int) {
	g.waitUntil(func() bool {
		for r := range g.held {
			if len(numbers) == 0 || slices.Contains(numbers, r.N) {
				return false
			}
		}
		return true
	})
}

func (g *activity) waitIdle() {
	g.waitUntil(func() bool { return g.conns == 0 && g.handlers == 0 })
}

func (g *activity) waitUntil(done func() bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !done() {
		g.changed.Wait()
	}
}

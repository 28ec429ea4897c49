package faultproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Proxy stands between a client and one real server. Its methods may be called
// from several goroutines, and all but Close from rules and hooks.
type Proxy struct {
	url        string
	addr       string
	secure     *tls.Config // nil: plain HTTP
	server     *upstream
	httpServer *http.Server
	requests   requestLog
	activity   *activity

	// ctx ends with Close. Forwards that must outlive their client run on it.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	listener *activeListener // nil: down
	closed   bool
	failures []error
	closing  sync.Once
	closeErr error
}

// New starts a proxy on 127.0.0.1 in front of target, a URL such as
// http://127.0.0.1:8200.
func New(target string) (*Proxy, error) { return start(target, nil) }

func start(target string, secure *tls.Config) (*Proxy, error) {
	server, err := newUpstream(target)
	if err != nil {
		return nil, err
	}
	p := &Proxy{addr: "127.0.0.1:0", secure: secure, server: server, activity: newActivity()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.httpServer = p.newHTTPServer()
	if err := p.Up(); err != nil {
		p.cancel()
		return nil, err
	}
	p.url = "http://" + p.addr
	if secure != nil {
		p.url = "https://" + p.addr
	}
	return p, nil
}

func (p *Proxy) newHTTPServer() *http.Server {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	front := &http.Server{
		Handler:     http.HandlerFunc(p.serve),
		Protocols:   &http1,
		ConnState:   p.activity.connState,
		BaseContext: func(net.Listener) context.Context { return p.ctx },
		ErrorLog:    log.New(io.Discard, "", 0), // refused handshakes are what tests are after
	}
	front.SetKeepAlivesEnabled(false) // see the package documentation
	return front
}

// URL is where clients connect; it stays the same through Down and Up.
func (p *Proxy) URL() string { return p.url }

// SetRule replaces the rule; nil passes everything. A request that already has
// its action keeps it.
func (p *Proxy) SetRule(rule Rule) { p.requests.setRule(rule) }

// Reset sets counter and log to zero and drops idle connections to the server,
// so that a restarted server is not met on a dead one. The rule stays.
func (p *Proxy) Reset() {
	p.requests.reset()
	p.server.transport.CloseIdleConnections()
}

// Log returns what was seen since the last Reset, in the order of N.
func (p *Proxy) Log() []Request { return p.requests.snapshot() }

// Wait returns when every request that is to reach the server without its
// client (Late, and all that are applied but not answered) got there and was
// answered, and every action with an [Action.Before] is done; with numbers, when
// those were, which is how a test delivers several late ones in an order of its own.
// Numbers from before a Reset count too. Wait does not return while a Late is neither
// released nor dropped by Close.
func (p *Proxy) Wait(numbers ...int) { p.activity.waitDelivered(numbers) }

// Close cuts all connections, drops late requests that were not delivered and
// waits until nothing of the proxy runs any more. It returns what went wrong
// inside, such as a panic in a hook. Further calls return the same.
func (p *Proxy) Close() error {
	p.closing.Do(func() { p.closeErr = p.close() })
	return p.closeErr
}

func (p *Proxy) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Down()
	p.cancel()
	err := p.httpServer.Close()
	p.activity.waitIdle()
	p.server.transport.CloseIdleConnections()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(append(p.failures, err)...)
}

func (p *Proxy) addFailure(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, fmt.Errorf("faultproxy: %w", err))
}

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

// Proxy forwards requests from clients to one real server. Its methods are safe for
// concurrent use. Rules and hooks may call all of them except Close.
type Proxy struct {
	url        string
	addr       string
	secure     *tls.Config // nil: HTTP
	server     *upstream
	httpServer *http.Server
	requests   requestLog
	activity   *activity

	// ctx is canceled by Close. Requests that must outlive their client use it.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	listener *activeListener // nil after Down
	closed   bool
	failures []error
	closing  sync.Once
	closeErr error
}

// New starts a proxy on 127.0.0.1. target is the server's URL, such as
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
		ErrorLog:    log.New(io.Discard, "", 0), // tests cause handshake errors on purpose
	}
	front.SetKeepAlivesEnabled(false) // see the package documentation
	return front
}

// URL returns the address for clients. It stays the same through Down and Up.
func (p *Proxy) URL() string { return p.url }

// SetRule replaces the rule; nil passes everything. It does not change the action of a
// request that has one already.
func (p *Proxy) SetRule(rule Rule) { p.requests.setRule(rule) }

// Reset clears the counter and the log, and closes idle connections to the server, so that
// a restarted server does not get requests on a dead one. The rule stays.
func (p *Proxy) Reset() {
	p.requests.reset()
	p.server.transport.CloseIdleConnections()
}

// Log returns the requests since the last Reset, in the order of N.
func (p *Proxy) Log() []Request { return p.requests.snapshot() }

// Wait waits until the server has answered every request that reaches it without its
// client (Late, and all that are applied but not answered), and until every action with an
// [Action.Before] is done. With numbers, it waits only for these requests, so that a test
// can deliver several late ones in its own order. Numbers from before a Reset count too.
// Wait does not return while a Late is neither released nor dropped by Close.
func (p *Proxy) Wait(numbers ...int) { p.activity.waitDelivered(numbers) }

// Close closes all connections, drops late requests that were not delivered, and waits
// until everything has ended. It returns the proxy's own errors, such as a panic in a
// hook. Later calls return the same.
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

package faultproxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// listening is one life of the proxy's listener.
type activeListener struct {
	net.Listener
	done chan struct{} // closed when the accept loop has ended
}

// Down stops listening: from now on connections are refused, as by a server
// that is not there, and nothing is counted. Requests under way go on, so
// At(3, After(p.Down)) has the fourth request refused. Down twice is Down.
func (p *Proxy) Down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return
	}
	_ = p.listener.Close() // an error means closed already
	<-p.listener.done
	p.listener = nil
}

// Up listens again on the same address. Up twice is Up.
func (p *Proxy) Up() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("faultproxy: up: %w", http.ErrServerClosed)
	}
	if p.listener != nil {
		return nil
	}
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("faultproxy: %w", err)
	}
	p.addr = ln.Addr().String()
	if p.secure != nil {
		ln = tls.NewListener(ln, p.secure)
	}
	p.listener = &activeListener{ln, make(chan struct{})}
	go p.accept(p.listener)
	return nil
}

func (p *Proxy) accept(l *activeListener) {
	err := p.httpServer.Serve(l.Listener)
	close(l.done) // first: Down waits for it under the lock that fail takes
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		p.addFailure(err)
	}
}

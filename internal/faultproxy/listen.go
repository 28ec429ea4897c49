package faultproxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// activeListener is the proxy's listener between Up and Down.
type activeListener struct {
	net.Listener
	done chan struct{} // closed when the accept loop ends
}

// Down stops listening. New connections are refused, as if there were no server, and are
// not counted. Running requests continue, so At(3, After(p.Down)) makes the fourth request
// fail to connect. Calling Down again does nothing.
func (p *Proxy) Down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return
	}
	_ = p.listener.Close() // an error means that it is closed already
	<-p.listener.done
	p.listener = nil
}

// Up listens again on the same address. Calling Up again does nothing.
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
	close(l.done) // first, because Down waits for it and holds the lock that addFailure needs
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		p.addFailure(err)
	}
}

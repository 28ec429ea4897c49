package memvault

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// listener is the socket that Listen opened.
type listener struct {
	net.Listener
	server *http.Server
	done   chan error
}

// Listen serves the API on a loopback port until Close. Port 0 is any free one.
func (s *Server) Listen(ctx context.Context, address string) error {
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	l := &listener{Listener: socket, done: make(chan error, 1)}
	l.server = &http.Server{Handler: s.web, ReadHeaderTimeout: 10 * time.Second}
	go func() { l.done <- l.server.Serve(socket) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = l
	return nil
}

// Addr returns the base URL of the socket. Without Listen it is one that only Transport
// serves.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return "http://memvault.invalid"
	}
	return "http://" + s.listener.Listener.Addr().String()
}

// Close closes the socket and the audit devices' files. Transport and Handler go on working.
func (s *Server) Close() error {
	s.mu.Lock()
	l := s.listener
	s.listener = nil
	audit := s.audit.close()
	s.mu.Unlock()
	if l == nil {
		return audit
	}
	err := l.server.Close()
	if serve := <-l.done; !errors.Is(serve, http.ErrServerClosed) {
		err = errors.Join(err, serve)
	}
	return errors.Join(err, audit)
}

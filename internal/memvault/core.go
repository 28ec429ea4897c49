package memvault

import (
	"errors"
	"strings"

	"goblin/vaultkit/internal/memvault/logical"
)

// handle serves a logical request: it checks the token, routes, and audits. Requests run
// one at a time.
func (s *Server) handle(r *logical.Request) (*logical.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return nil, logical.Sealed()
	}
	if r.Writes() && strings.HasSuffix(r.Path, "/") {
		return nil, logical.Refuse("cannot write to a path ending in '/'")
	}
	response, err := s.serve(r)
	return response, err
}

// serve checks the token, and lets the mount answer.
func (s *Server) serve(r *logical.Request) (*logical.Response, error) {
	m := s.mounts.find(r.Path)
	if m != nil {
		r.Mount = m.path
	}
	if m != nil && m.isOpen(r) {
		_ = s.authenticate(r) // the engine decides what a token is needed for
		return s.route(r, m)
	}
	if err := s.authorize(r, m); err != nil {
		s.audit.request(s.clock.Now(), r, err)
		return nil, err
	}
	response, err := s.route(r, m)
	return response, listed(err)
}

// listed gives an engine's inner error the form in which the core reports it.
func listed(err error) error {
	if err == nil {
		return nil
	}
	refusal := *logical.AsError(err)
	if refusal.Inner {
		refusal.Text = logical.Listed(refusal.Text)
	}
	return &refusal
}

// authorize checks the token and what it may do. A POST of something that does not exist
// becomes a Create on the way, because policies tell the two apart.
func (s *Server) authorize(r *logical.Request, m *mount) error {
	if err := s.authenticate(r); err != nil {
		return err
	}
	if m == nil || r.Operation != logical.Update {
		return nil
	}
	checked, exists, err := m.engine.Exists(r.At(m.path))
	var refusal *logical.Error
	switch {
	case errors.As(err, &refusal):
		return nil // the engine says so later
	case err != nil:
		return logical.Refuse("%s", err)
	case checked && !exists:
		r.Operation = logical.Create
	}
	return nil
}

// route lets the mount answer, between the two lines of the audit devices.
func (s *Server) route(r *logical.Request, m *mount) (*logical.Response, error) {
	s.audit.request(s.clock.Now(), r, nil)
	response, err := s.answer(r, m)
	s.audit.response(s.clock.Now(), r, response, err)
	return response, err
}

func (s *Server) answer(r *logical.Request, m *mount) (*logical.Response, error) {
	if m == nil {
		return nil, logical.NoRoute(r.Path)
	}
	response, err := m.engine.Handle(r.At(m.path))
	if response != nil && !response.HideMount {
		response.Mount = m.kind
	}
	return response, err
}

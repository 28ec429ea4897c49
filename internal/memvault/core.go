package memvault

import (
	"net/http"
	"strings"

	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/wrapping"
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
	if err := s.wrapping.Check(r); err != nil {
		s.audit.request(s.clock.Now(), r, err)
		return nil, err
	}
	if m != nil && m.isOpen(r) {
		_ = s.authenticate(r) // the engine decides what a token is needed for
		return s.route(r, m)
	}
	last, err := s.authorize(r, m)
	if last {
		defer s.tokens.Revoke(r.Token)
	}
	if err != nil {
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

// route lets the mount answer, between the two lines of the audit devices.
func (s *Server) route(r *logical.Request, m *mount) (*logical.Response, error) {
	s.audit.request(s.clock.Now(), r, nil)
	response, err := s.answer(r, m)
	if err == nil {
		response, err = s.wrap(r, response)
	}
	s.audit.response(s.clock.Now(), r, response, err)
	return response, err
}

// wrap wraps the response if the request asks for it and there is something to wrap.
func (s *Server) wrap(r *logical.Request, response *logical.Response) (*logical.Response, error) {
	switch {
	case response == nil || r.Wrap == 0 && !wrapping.Rewraps(response):
		return response, nil
	case response.Missing(r.Operation):
		return nil, &logical.Error{Status: http.StatusNotFound, Text: "unsupported path"}
	}
	return s.wrapping.Wrap(r, response)
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

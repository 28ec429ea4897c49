package memvault

import (
	"errors"
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
	if r.Snapshot != "" {
		return nil, logical.Refuse("unable to lock snapshot: loaded snapshots not supported")
	}
	if s.OpenBao() && isRelative(r.Path) {
		return nil, logical.Refuse("relative paths not supported")
	}
	if r.Writes() && strings.HasSuffix(r.Path, "/") {
		return nil, logical.Refuse("cannot write to a path ending in '/'")
	}
	inside := s.serving(r)
	if inside == nil {
		return nil, noNamespace()
	}
	response, err := inside.serve(r)
	if response != nil {
		response.NoMountType = s.OpenBao()
	}
	return response, err
}

// serve checks the token, and lets the mount answer.
func (s *Server) serve(r *logical.Request) (*logical.Response, error) {
	m := s.mounts.find(r.Path)
	if m != nil {
		r.Mount = m.path
	}
	open := m != nil && m.isOpen(r)
	last, err := s.admit(r, m, open)
	if last {
		defer s.tokens.Revoke(r.Token)
	}
	if err != nil {
		return nil, errors.Join(err, s.auditRequest(r, m, err), s.auditResponse(r, m, nil, err))
	}
	if err := s.auditRequest(r, m, nil); err != nil {
		return nil, err
	}
	response, err := s.route(r, m)
	err = refusal(response, err, open)
	if failed := s.auditResponse(r, m, response, err); failed != nil {
		return nil, failed
	}
	return response, err
}

// admit decides whether the request goes on to its mount. last means that the token has
// no use left.
func (s *Server) admit(r *logical.Request, m *mount, open bool) (last bool, err error) {
	if err := s.wrapping.Check(r); err != nil {
		return false, err
	}
	if open {
		_, _ = s.authenticate(r) // the engine decides what a token is needed for
		return false, nil
	}
	return s.authorize(r, m)
}

// refusal gives an engine's inner error the form in which the core reports it: as a list,
// but for a path that needs no token, and as a bad request if there is a response too.
func refusal(response *logical.Response, err error, open bool) error {
	if err == nil {
		return nil
	}
	shown := *logical.AsError(err)
	if !shown.Inner {
		return &shown
	}
	if response != nil && shown.Status == http.StatusInternalServerError {
		shown.Status = http.StatusBadRequest
	}
	if !open {
		shown.Text = logical.Listed(shown.Text)
	}
	return &shown
}

// route lets the mount answer, and wraps the response if it should be.
func (s *Server) route(r *logical.Request, m *mount) (*logical.Response, error) {
	response, err := s.answer(r, m)
	if err == nil {
		response, err = s.wrap(r, response)
	}
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
	if response != nil {
		response.NoMountType = s.OpenBao() // a wrapped response is encoded here
	}
	return response, err
}

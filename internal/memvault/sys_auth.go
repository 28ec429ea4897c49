package memvault

import (
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// authEndpoints are the paths that manage auth methods.
func (s *Server) authEndpoints() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		{Pattern: "auth", Operations: operations{logical.Read: s.listAuth}},
		{Pattern: "auth/(?P<path>.+?)/tune", Fields: tuneFields, Operations: operations{
			logical.Read: s.readAuthTune, logical.Update: s.tuneAuth,
		}},
		{Pattern: "auth/(?P<path>.+?)", Fields: mountFields, Operations: operations{
			logical.Read: s.readAuth, logical.Update: s.enableAuth, logical.Delete: s.disableAuth,
		}},
	}
}

func (s *Server) readAuthTune(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return s.readTune(r, p.With("path", "auth/"+p.Text("path")))
}

func (s *Server) tuneAuth(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := "auth/" + directory(p.Text("path"))
	if s.mounts.byPath[path] == nil {
		return nil, logical.Refuse("tune of path %q failed: no mount entry found", path)
	}
	return s.tune(r, p.With("path", path))
}

func (s *Server) listAuth(*logical.Request, endpoint.Params) (*logical.Response, error) {
	data := make(map[string]any)
	for _, m := range s.mounts.list() {
		if path, isAuth := strings.CutPrefix(m.path, "auth/"); isAuth {
			data[path] = m.describe()
		}
	}
	return &logical.Response{Data: data}, nil
}

func (s *Server) readAuth(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	m := s.mounts.byPath["auth/"+path]
	if m == nil {
		return nil, logical.Refuse("No auth engine at %s", path)
	}
	return &logical.Response{Data: m.describe()}, nil
}

func (s *Server) enableAuth(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	if p.Text("type") == "" {
		return nil, logical.Refuse("backend type must be specified as a string")
	}
	settings, err := mountSettingsOf(p.Map("config"))
	if err != nil {
		return nil, err
	}
	for _, m := range s.mounts.list() {
		if other, isAuth := strings.CutPrefix(m.path, "auth/"); isAuth && (strings.HasPrefix(path, other) || strings.HasPrefix(other, path)) {
			return nil, logical.Refuse("path is already in use at %s", other)
		}
	}
	m, err := s.newAuthMethod("auth/"+path, p.Text("type"))
	if err != nil {
		return nil, err
	}
	settings.tokenType, m.description = m.settings.tokenType, p.Text("description")
	m.settings = settings
	s.mounts.add(m)
	return nil, nil
}

// disableAuth also ends the tokens of the method's logins.
func (s *Server) disableAuth(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := "auth/" + directory(p.Text("path"))
	m := s.mounts.byPath[path]
	switch {
	case m == nil:
		return nil, nil
	case m.isBuiltIn():
		return nil, logical.Refuse("token credential backend cannot be disabled")
	}
	delete(s.mounts.byPath, path)
	s.tokens.RevokePath(path)
	return nil, nil
}

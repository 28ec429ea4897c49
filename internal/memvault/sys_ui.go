package memvault

import (
	"net/http"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// uiEndpoints are the paths from which a client learns about a mount without the right to
// list mounts.
func (s *Server) uiEndpoints() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		{Pattern: "internal/ui/mounts", Operations: operations{logical.Read: s.listUIMounts}},
		{Pattern: "internal/ui/mounts/(?P<path>.+)", Operations: operations{logical.Read: s.readUIMount}},
	}
}

// readUIMount describes the mount of a path. A missing mount is refused like a forbidden
// one.
func (s *Server) readUIMount(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if err := s.needToken(r); err != nil {
		return nil, err
	}
	path := directory(p.Text("path"))
	m := s.mounts.find(path)
	if m == nil || !s.mayUseMount(r, m) {
		text := `preflight capability check returned 403, please ensure client's policies grant access to path "` + path + `"`
		return nil, &logical.Error{Status: http.StatusForbidden, Text: text}
	}
	data := m.describe()
	if !s.OpenBao() {
		data["config"] = m.effective()
	}
	data["path"] = strings.TrimPrefix(m.path, "auth/")
	return &logical.Response{Data: data, HideMount: true}, nil
}

// listUIMounts describes the mounts that the token may use.
func (s *Server) listUIMounts(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	if err := s.needToken(r); err != nil && r.Token != "" {
		return nil, err
	}
	secret, auth := make(map[string]any), make(map[string]any)
	for _, m := range s.mounts.list() {
		if !s.mayUseMount(r, m) {
			continue
		}
		about := m.describe()
		if !s.OpenBao() {
			about["config"] = m.effective()
		}
		if path, isAuth := strings.CutPrefix(m.path, "auth/"); isAuth {
			auth[path] = about
		} else {
			secret[m.path] = about
		}
	}
	return &logical.Response{Data: map[string]any{"secret": secret, "auth": auth}, HideMount: true}, nil
}

// mayUseMount reports whether the request's token has any right below a mount.
func (s *Server) mayUseMount(r *logical.Request, m *mount) bool {
	allowed, prefix := s.tokens.Rights(s.tokens.Lookup(r.Token))
	return allowed.MountAccess(prefix + m.path)
}

// needToken refuses a request on an open path without a valid token.
func (s *Server) needToken(r *logical.Request) error {
	switch {
	case r.Actor.ClientID != "":
		return nil
	case r.Token == "":
		return logical.NoToken()
	default:
		return s.invalidToken()
	}
}

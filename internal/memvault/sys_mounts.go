package memvault

import (
	"net/http"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// sysMounts are the paths below sys/ that tell about mounts.
func (s *Server) sysMounts() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		{
			Pattern:    "internal/ui/mounts/(?P<path>.+)",
			Operations: map[logical.Operation]endpoint.Handler{logical.Read: s.readUIMount},
		},
	}
}

func (s *Server) readUIMount(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m := s.mounts.find(p.Text("path"))
	if m == nil {
		text := `preflight capability check returned 403, please ensure client's policies grant access to path "` + p.Text("path") + `/"`
		return nil, &logical.Error{Status: http.StatusForbidden, Text: text}
	}
	return &logical.Response{Data: map[string]any{"type": m.kind, "options": m.options, "path": m.path}}, nil
}

package token

import (
	"fmt"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// CapabilityEndpoints returns the paths below sys/ that say what a token may do.
func (s *Store) CapabilityEndpoints() []endpoint.Endpoint {
	with := func(name string) map[string]field.Kind {
		return map[string]field.Kind{name: field.String, "path": field.Strings, "paths": field.Strings}
	}
	return []endpoint.Endpoint{
		{Pattern: "capabilities", Fields: with("token"), Operations: operations{logical.Update: s.capabilities}},
		{Pattern: "capabilities-self", Fields: with("token"), Operations: operations{logical.Update: s.capabilitiesSelf}},
		{Pattern: "capabilities-accessor", Fields: with("accessor"), Operations: operations{logical.Update: s.capabilitiesAccessor}},
	}
}

func (s *Store) capabilitiesSelf(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return s.capabilitiesOf(r.Token, p)
}

func (s *Store) capabilities(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return s.capabilitiesOf(p.Text("token"), p)
}

func (s *Store) capabilitiesAccessor(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if p.Text("accessor") == "" {
		return nil, logical.Refuse("missing accessor")
	}
	e, err := s.atAccessor(p)
	if err != nil {
		return nil, err
	}
	return s.capabilitiesOf(e.ID, p)
}

func (s *Store) capabilitiesOf(id string, p endpoint.Params) (*logical.Response, error) {
	if id == "" {
		return nil, logical.Internal(fmt.Errorf("no token found"))
	}
	paths := p.Strings("paths")
	if len(paths) == 0 {
		paths = p.Strings("path")
	}
	if len(paths) == 0 {
		return nil, logical.Refuse("paths must be supplied")
	}
	if paths[0] == "" {
		return nil, badRequest("missing path")
	}
	e := s.Lookup(id)
	if e == nil {
		return nil, badRequest("invalid token")
	}
	allowed, prefix := s.Rights(e)
	data := map[string]any{}
	for _, path := range paths {
		if path == "" {
			return nil, badRequest("missing path")
		}
		data[path] = allowed.Capabilities(prefix + path)
	}
	if len(paths) == 1 {
		data["capabilities"] = data[paths[0]]
	}
	return &logical.Response{Data: data}, nil
}

package policies

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// Endpoints returns the paths below sys/ that read and write policies.
func (s *Store) Endpoints() []endpoint.Endpoint {
	known := map[string]field.Kind{"name": field.String, "policy": field.String}
	if s.now != nil {
		maps.Copy(known, settingFields)
	}
	return []endpoint.Endpoint{
		{
			Pattern:    "policies/acl/?",
			Operations: map[logical.Operation]endpoint.Handler{logical.List: s.list},
		},
		{
			Pattern: "policies/acl/(?P<name>.+)",
			Fields:  known,
			Operations: map[logical.Operation]endpoint.Handler{
				logical.Read: s.read, logical.Update: s.write, logical.Delete: s.remove,
			},
		},
	}
}

func (s *Store) list(*logical.Request, endpoint.Params) (*logical.Response, error) {
	return &logical.Response{Data: map[string]any{"keys": s.Names()}}, nil
}

func (s *Store) read(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	policy := s.get(clean(p.Text("name")))
	if policy == nil {
		return nil, nil
	}
	data := map[string]any{"name": policy.Name, "policy": policy.Text}
	if s.now != nil {
		policy.describe(data)
	}
	return &logical.Response{Data: data}, nil
}

// write also accepts a policy in base64.
func (s *Store) write(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	name, text := p.Text("name"), p.Text("policy")
	if text == "" {
		return nil, logical.Refuse("'policy' parameter not supplied or empty")
	}
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(decoded)
	}
	if err := s.setGiven(name, text, p); err != nil {
		return nil, err
	}
	if lower := strings.ToLower(name); lower != name {
		return &logical.Response{Warnings: []string{fmt.Sprintf("policy name was converted to %s", lower)}}, nil
	}
	return nil, nil
}

func (s *Store) remove(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if err := s.Delete(p.Text("name")); err != nil {
		return nil, logical.Refuse("%s", err)
	}
	return nil, nil
}

package token

import (
	"net/http"
	"slices"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

func (s *Store) lookupSelf(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	return s.describe(r.Token)
}

func (s *Store) lookup(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	id := p.Text("token")
	if id == "" {
		id = r.Token
	}
	return s.describe(id)
}

func (s *Store) lookupAccessor(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	e, err := s.atAccessor(p)
	if err != nil {
		return nil, err
	}
	response, err := s.describe(e.ID)
	if err == nil {
		response.Data["id"] = ""
	}
	return response, err
}

// atAccessor returns the token that a request names by its accessor, also one whose last
// use this request is.
func (s *Store) atAccessor(p endpoint.Params) (*Entry, error) {
	accessor := p.Text("accessor")
	if accessor == "" {
		return nil, badRequest("missing accessor")
	}
	e := s.lookupTainted(s.idOf(accessor))
	if e == nil {
		return nil, badRequest("invalid accessor")
	}
	return e, nil
}

// badRequest is a refusal whose text Vault lists.
func badRequest(text string) *logical.Error { return logical.Refuse("%s", logical.Listed(text)) }

func (s *Store) describe(id string) (*logical.Response, error) {
	e := s.lookupTainted(id)
	if e == nil {
		return nil, &logical.Error{Status: http.StatusForbidden, Text: "bad token"}
	}
	data := map[string]any{
		"id": e.ID, "accessor": e.Accessor, "policies": e.Policies, "path": e.Path, "meta": e.Meta,
		"display_name": e.DisplayName, "num_uses": e.NumUses, "orphan": e.Parent == "",
		"creation_time": e.Created.Unix(), "creation_ttl": seconds(e.TTL), "expire_time": nil, "ttl": 0,
		"explicit_max_ttl": seconds(e.Lifetime.ExplicitMax), "entity_id": e.EntityID, "type": e.kind(),
	}
	if path := e.home.namespace; path != "" {
		data["namespace_path"] = path
	}
	if e.Lifetime.Period != 0 {
		data["period"] = seconds(e.Lifetime.Period)
	}
	e.describeLease(data, s.clock.Now())
	return &logical.Response{Data: data}, nil
}

// describeLease adds the times of a token. The first root token has none.
func (e *Entry) describeLease(data map[string]any, now time.Time) {
	if e.first() {
		return
	}
	data["issue_time"], data["renewable"] = e.Created, e.Renewable
	if e.TTL == 0 {
		return
	}
	data["expire_time"], data["ttl"] = e.expires, seconds(e.expires.Sub(now.Round(time.Second)))
	if !e.renewed.IsZero() {
		data["last_renewal"], data["last_renewal_time"] = e.renewed, e.renewed.Unix()
	}
}

func seconds(d time.Duration) int { return int(d.Seconds()) }

func (s *Store) accessors(*logical.Request, endpoint.Params) (*logical.Response, error) {
	s.revokeExpired()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var own []string
	for accessor, id := range s.byAccessor {
		if s.byID[id].home == s {
			own = append(own, accessor)
		}
	}
	return &logical.Response{Data: map[string]any{"keys": slices.Sorted(slices.Values(own))}}, nil
}

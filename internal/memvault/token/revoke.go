package token

import (
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

func (s *Store) revokeSelf(r *logical.Request, _ endpoint.Params) (*logical.Response, error) {
	return s.revokeTree(r.Token)
}

func (s *Store) revokeToken(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if p.Text("token") == "" {
		return nil, logical.Refuse("missing token ID")
	}
	return s.revokeTree(p.Text("token"))
}

func (s *Store) revokeTree(id string) (*logical.Response, error) {
	switch e := s.Lookup(id); {
	case e == nil:
		return nil, nil
	case e.Batch:
		return nil, logical.Refuse("batch tokens cannot be revoked")
	}
	s.revoke(id)
	return nil, nil
}

func (s *Store) revokeAccessor(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	accessor := p.Text("accessor")
	if accessor == "" {
		return nil, badRequest("missing accessor")
	}
	e := s.lookupTainted(s.idOf(accessor))
	switch {
	case e != nil && e.NumUses == usedUp:
		return nil, logical.Refuse("token not found")
	case e == nil:
		return &logical.Response{Warnings: []string{"No token found with this accessor"}}, nil
	}
	s.revoke(e.ID)
	return nil, nil
}

func (s *Store) revokeAlone(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	id := p.Text("token")
	if id == "" {
		return nil, logical.Refuse("missing token ID")
	}
	switch e := s.Lookup(id); {
	case e == nil:
		return nil, logical.Refuse("token to revoke not found")
	case e.Batch:
		return nil, logical.Refuse("batch tokens cannot be revoked")
	}
	s.revokeOrphan(id)
	return nil, nil
}

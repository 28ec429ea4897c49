package token

import (
	"errors"
	"net/http"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

func (s *Store) renewSelf(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return s.renew(r.Token, p.Duration("increment"))
}

func (s *Store) renewToken(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if p.Text("token") == "" {
		return nil, logical.Refuse("missing token ID")
	}
	return s.renew(p.Text("token"), p.Duration("increment"))
}

func (s *Store) renewAccessor(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	e, err := s.atAccessor(p)
	if err != nil {
		return nil, err
	}
	response, err := s.renew(e.ID, p.Duration("increment"))
	var refused *logical.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return nil, badRequest("invalid request") // Vault loses the reason here
	}
	if err == nil {
		response.Auth.ClientToken = ""
	}
	return response, err
}

func (s *Store) renew(id string, increment time.Duration) (*logical.Response, error) {
	e := s.Lookup(id)
	switch {
	case e == nil:
		return nil, logical.Refuse("token not found")
	case e.Batch:
		return nil, logical.Refuse("batch tokens cannot be renewed")
	case e.first():
		return nil, logical.Refuse("invalid lease ID")
	case !e.Renewable:
		return nil, logical.Refuse("lease is not renewable")
	}
	life := e.Lifetime
	if e.Renew != nil {
		now, err := e.Renew()
		if err != nil {
			return nil, logical.Internal(err)
		}
		life = now
	}
	if s.quirk == MaximumIsIgnored {
		life.ExplicitMax = 0
	}
	now := s.clock.Now()
	ttl, warnings, err := life.grant(increment, e.Created, now)
	if err != nil {
		return nil, logical.Internal(err)
	}
	renewed := *e
	s.extend(id, ttl, now)
	renewed.TTL = ttl
	return &logical.Response{Auth: renewed.auth(), Warnings: warnings}, nil
}

func (s *Store) extend(id string, ttl time.Duration, now time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if e, ok := s.byID[id]; ok {
		e.expires, e.renewed, e.Lifetime.TTL = now.Add(ttl), now, ttl
	}
}

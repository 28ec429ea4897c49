package memvault

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"goblin/vaultkit/internal/memvault/acl"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

// authenticate finds who makes the request.
func (s *Server) authenticate(r *logical.Request) (*token.Entry, error) {
	if r.Token == "" {
		return nil, logical.NoToken()
	}
	entry := s.tokens.Lookup(r.Token)
	if entry == nil {
		return nil, s.invalidToken()
	}
	r.Actor = entry.Actor()
	if r.Actor.ClientID = entry.EntityID; entry.EntityID == "" {
		r.Actor.ClientID = clientID(entry.Policies)
	}
	return entry, nil
}

// authorize checks the token and what it may do, and counts a use of the token, also of a
// request that is refused. After the last use the token is to be revoked.
func (s *Server) authorize(r *logical.Request, m *mount) (last bool, err error) {
	entry, err := s.authenticate(r)
	if err != nil {
		return false, err
	}
	existence := decideCreate(r, m)
	allowed, prefix := s.tokens.Rights(entry)
	decision := allowed.Allow(acl.Request{
		Operation: acl.Operation(r.Operation), Path: prefix + r.Path, Data: r.Data, WrapTTL: r.Wrap,
	})
	last = s.tokens.Use(r.Token)
	switch {
	case existence != nil:
		return last, existence
	case !decision.Allowed || acl.NeedsSudo(r.Path) && !decision.Sudo:
		return last, logical.Denied()
	}
	return last, nil
}

// decideCreate turns a POST of something that does not exist into a Create, because
// policies tell the two apart.
func decideCreate(r *logical.Request, m *mount) error {
	if m == nil || r.Operation != logical.Update {
		return nil
	}
	checked, exists, err := m.engine.Exists(r.At(m.path))
	var refusal *logical.Error
	switch {
	case errors.As(err, &refusal):
		return nil // the engine says so later
	case err != nil:
		return logical.Refuse("%s", err)
	case checked && !exists:
		r.Operation = logical.Create
	}
	return nil
}

// clientID returns the id under which Vault counts a token without an entity. Tokens with
// the same policies share it.
func clientID(policies []string) string {
	sorted := slices.Sorted(slices.Values(policies))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\x7f") + "\x00root"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

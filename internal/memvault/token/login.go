package token

import (
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/acl"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/random"
)

// Login is what an auth method decides about a token.
type Login struct {
	Path      string // of the login
	Mount     string // of the auth method, such as auth/approle/
	Alias     string // who logs in, as the method names them
	Name      string // added to the mount in the display name
	Policies  []string
	NoDefault bool
	Meta      map[string]string
	NumUses   int
	Batch     bool
	Lifetime  Lifetime
	Renew     func() (Lifetime, error)
}

// Login creates the token of a login.
func (s *Store) Login(l Login) (*logical.Response, error) {
	now := s.clock.Now()
	ttl, warnings, err := l.Lifetime.grant(0, now, now)
	if err != nil {
		return nil, logical.Internal(err)
	}
	e := Entry{
		Policies: policies.Clean(l.Policies, !l.NoDefault), Path: l.Path, DisplayName: l.displayName(), Meta: l.Meta,
		NumUses: l.NumUses, Batch: l.Batch, Lifetime: l.Lifetime, TTL: ttl, Renewable: !l.Batch, Renew: l.Renew,
		EntityID: s.entity(l.Mount, l.Alias),
	}
	for _, one := range e.Policies {
		switch {
		case one == acl.Root:
			return nil, logical.Refuse("auth methods cannot create root tokens")
		case policies.Unassignable(one):
			return nil, logical.Refuse("cannot assign policy %q", one)
		}
	}
	if err := s.add(&e); err != nil {
		return nil, logical.Internal(err)
	}
	return &logical.Response{Auth: e.auth(), Warnings: warnings, HideMount: true}, nil
}

func (l Login) displayName() string {
	mount := strings.ReplaceAll(strings.TrimPrefix(l.Mount, "auth/"), "/", "-")
	return strings.TrimSuffix(mount+l.Name, "-")
}

// entity returns the entity id of the account that logs in. It is the same at each login.
func (s *Store) entity(mount, alias string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := [3]string{s.namespace, mount, alias}
	if s.entities[key] == "" {
		s.entities[key] = random.UUID()
	}
	return s.entities[key]
}

// CreateLimited creates a token that works once and is nobody's child.
func (s *Store) CreateLimited(policy, path string, ttl time.Duration) (id, accessor string, err error) {
	e := Entry{Policies: []string{policy}, Path: path, NumUses: 1, TTL: ttl, Lifetime: Lifetime{ExplicitMax: ttl}}
	err = s.add(&e)
	return e.ID, e.Accessor, err
}

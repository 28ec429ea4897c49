package token

import (
	"strings"

	"goblin/vaultkit/internal/memvault/acl"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/random"
)

// AsOpenBao makes the ids of new tokens look like OpenBao's.
func (s *Store) AsOpenBao() {
	s.openBao = true
	s.newID = func(batch bool) string {
		if batch {
			return "b." + random.Text(120)
		}
		return "s." + random.Text(24) + s.suffix
	}
}

// OpenBao reports whether the store answers like OpenBao.
func (s *Store) OpenBao() bool { return s.openBao }

// Namespace returns the store of another namespace of the same OpenBao.
func (s *Store) Namespace(path, id string, p *policies.Store) *Store {
	inside := &Store{tokens: s.tokens, policies: p, namespace: path, suffix: "." + id}
	inside.AsOpenBao()
	return inside
}

// HomeOf returns the path of the namespace that a token belongs to.
func (s *Store) HomeOf(id string) (path string, found bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	e, ok := s.byID[id]
	if !ok {
		return "", false
	}
	return e.home.namespace, true
}

// Rights returns what a token may do, and what the policies of the token put before a path of this
// namespace. A token may only do something in its own namespace and in those inside it. e may be
// nil.
func (s *Store) Rights(e *Entry) (allowed *acl.ACL, prefix string) {
	if e == nil {
		return acl.New(), ""
	}
	prefix, within := strings.CutPrefix(s.namespace, e.home.namespace)
	if !within {
		return acl.New(), ""
	}
	return e.home.policies.ACL(e.Policies), prefix
}

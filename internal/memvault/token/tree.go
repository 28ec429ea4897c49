package token

import (
	"strings"
)

// Revoke ends a token and everything that it created.
func (s *Store) Revoke(id string) { s.revoke(id) }

func (s *Store) revoke(id string) {
	s.mutex.Lock()
	ended := s.remove(id)
	s.mutex.Unlock()
	for _, one := range ended {
		for _, f := range s.onRevoke {
			f(one)
		}
	}
}

// remove returns the ids of what it removed.
func (s *Store) remove(id string) []string {
	e, ok := s.byID[id]
	if !ok {
		return nil
	}
	ended := []string{id}
	for child := range s.children[id] {
		if s.quirk == ChildrenSurvive {
			s.byID[child].Parent = ""
			continue
		}
		ended = append(ended, s.remove(child)...)
	}
	s.forget(e)
	return ended
}

func (s *Store) forget(e *Entry) {
	delete(s.byID, e.ID)
	delete(s.byAccessor, e.Accessor)
	delete(s.children, e.ID)
	delete(s.children[e.Parent], e.ID)
}

// revokeOrphan ends a token alone. Its children become orphans, but for batch tokens, whose
// own text names their parent.
func (s *Store) revokeOrphan(id string) {
	s.mutex.Lock()
	for child := range s.children[id] {
		if e := s.byID[child]; !e.Batch && s.quirk != OrphansEnd {
			e.Parent = ""
			delete(s.children[id], child)
		}
	}
	s.mutex.Unlock()
	s.revoke(id)
}

// RevokePath ends the tokens of the namespace that were created below a path.
func (s *Store) RevokePath(prefix string) {
	s.mutex.Lock()
	var ids []string
	for id, e := range s.byID {
		if e.home == s && strings.HasPrefix(e.Path, prefix) {
			ids = append(ids, id)
		}
	}
	s.mutex.Unlock()
	for _, id := range ids {
		s.revoke(id)
	}
}

// RevokeAll ends every token of the namespace but one, as a Vault that was reset would.
func (s *Store) RevokeAll(except string) {
	s.mutex.Lock()
	var ids []string
	for id, e := range s.byID {
		if e.home == s && id != except {
			ids = append(ids, id)
		}
	}
	s.mutex.Unlock()
	for _, id := range ids {
		s.revoke(id)
	}
}

// revokeExpired ends the tokens whose time is over.
func (s *Store) revokeExpired() {
	s.mutex.Lock()
	var over []string
	for id := range s.byID {
		if alive, _ := s.alive(id); !alive {
			over = append(over, id)
		}
	}
	s.mutex.Unlock()
	for _, id := range over {
		s.revoke(id)
	}
}

package token

import (
	"fmt"
	"sync"

	"goblin/vaultkit/internal/memvault/acl"
	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/random"
)

// Store keeps tokens. Its methods are safe for concurrent use.
type Store struct {
	clock    *clock.Clock
	policies *policies.Store
	quirk    Quirk
	outer    *Store // of the outer namespace, whose root tokens may do everything here, or nil
	newID    func(batch bool) string

	mutex      sync.Mutex
	byID       map[string]*Entry
	byAccessor map[string]string          // the ids
	children   map[string]map[string]bool // ids of the children by id of the parent
	entities   map[[2]string]string       // by mount and alias
	onRevoke   []func(id string)          // called without the mutex
}

// NewStore returns a store without tokens.
func NewStore(c *clock.Clock, p *policies.Store, quirk Quirk) *Store {
	return &Store{
		clock: c, policies: p, quirk: quirk, newID: newID, byID: map[string]*Entry{}, byAccessor: map[string]string{},
		children: map[string]map[string]bool{}, entities: map[[2]string]string{},
	}
}

// AsOpenBao makes the ids of new tokens look like OpenBao's, and knows the root tokens of an outer
// namespace, if outer is not nil.
func (s *Store) AsOpenBao(suffix string, outer *Store) {
	s.outer = outer
	s.newID = func(batch bool) string {
		if batch {
			return "b." + random.Text(120)
		}
		return "s." + random.Text(24) + suffix
	}
}

// OnRevoke adds a function that is called with each token that ends.
func (s *Store) OnRevoke(f func(id string)) { s.onRevoke = append(s.onRevoke, f) }

// ACL returns what a token may do.
func (s *Store) ACL(e *Entry) *acl.ACL { return s.policies.ACL(e.Policies) }

// CreateRoot creates the first token. An empty id stands for a random one.
func (s *Store) CreateRoot(id string) string {
	root := Entry{ID: id, Policies: []string{acl.Root}, Path: firstPath, DisplayName: "root"}
	if err := s.add(&root); err != nil {
		panic(err) // another token has the id, which only our own caller chooses
	}
	return root.ID
}

// add completes a token and stores it. It needs Lifetime and TTL to be final.
func (s *Store) add(e *Entry) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, taken := s.byID[e.ID]; taken && e.ID != "" {
		return fmt.Errorf("cannot create a token with a duplicate ID")
	}
	if e.ID == "" {
		e.ID = s.newID(e.Batch)
	}
	if !e.Batch {
		e.Accessor = random.Text(24)
		s.byAccessor[e.Accessor] = e.ID
	}
	now := s.clock.Now()
	e.Created, e.expires, e.uses, e.orphan = now, now.Add(e.TTL), e.NumUses, e.Parent == ""
	stored := *e
	if e.Batch {
		stored.forgetForBatch()
	}
	s.byID[e.ID] = &stored
	if e.Parent != "" {
		s.adopt(e.Parent, e.ID)
	}
	return nil
}

func (s *Store) adopt(parent, child string) {
	if s.children[parent] == nil {
		s.children[parent] = map[string]bool{}
	}
	s.children[parent][child] = true
}

// Lookup returns a token that may be used, or nil.
func (s *Store) Lookup(id string) *Entry {
	if e := s.lookupTainted(id); e != nil && e.NumUses != usedUp {
		return e
	}
	return nil
}

// lookupTainted also returns a token whose last use is the current request.
func (s *Store) lookupTainted(id string) *Entry {
	s.mutex.Lock()
	alive, found := s.alive(id)
	s.mutex.Unlock()
	if alive {
		return found
	}
	s.revoke(id)
	if s.outer != nil {
		if e := s.outer.lookupTainted(id); e != nil && e.Root() {
			return e
		}
	}
	return nil
}

// alive returns a copy of a token. It is not alive if it or a parent has expired.
func (s *Store) alive(id string) (bool, *Entry) {
	e, ok := s.byID[id]
	if !ok || e.expired(s.clock.Now()) {
		return false, nil
	}
	if e.Parent != "" {
		if alive, _ := s.alive(e.Parent); !alive && (s.outer == nil || s.outer.Lookup(e.Parent) == nil) {
			return false, nil
		}
	}
	found := *e
	return true, &found
}

// Use counts a use. After the last one the caller revokes the token as soon as the request
// is done.
func (s *Store) Use(id string) (last bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	e, ok := s.byID[id]
	if !ok || e.NumUses <= 0 || s.quirk == UsesAreEndless {
		return false
	}
	if e.NumUses--; e.NumUses == 0 {
		e.NumUses = usedUp
	}
	return e.NumUses == usedUp
}

func (s *Store) idOf(accessor string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.byAccessor[accessor]
}

// Actor describes a token to the engines.
func (e *Entry) Actor() logical.Actor {
	return logical.Actor{
		DisplayName: e.DisplayName, EntityID: e.EntityID, Accessor: e.Accessor, Policies: e.Policies,
	}
}

func newID(batch bool) string {
	if batch {
		return "hvb." + random.Text(120)
	}
	return "hvs." + random.Text(91)
}

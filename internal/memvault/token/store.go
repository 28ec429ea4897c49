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

// Store keeps the tokens of a namespace. Vault has one. Its methods are safe for concurrent use.
type Store struct {
	*tokens
	policies  *policies.Store
	namespace string // "" or a path with a final slash
	suffix    string // of the ids and accessors
	newID     func(batch bool) string
	openBao   bool
}

// tokens are those of all namespaces, because a request may name the token of another one.
type tokens struct {
	clock *clock.Clock
	quirk Quirk

	mutex      sync.Mutex
	byID       map[string]*Entry
	byAccessor map[string]string          // the ids
	children   map[string]map[string]bool // ids of the children by id of the parent
	entities   map[[3]string]string       // by namespace, mount and alias
	onRevoke   []func(id string)          // called without the mutex
}

// NewStore returns a store without tokens.
func NewStore(c *clock.Clock, p *policies.Store, quirk Quirk) *Store {
	return &Store{policies: p, newID: newID, tokens: &tokens{
		clock: c, quirk: quirk, byID: map[string]*Entry{}, byAccessor: map[string]string{},
		children: map[string]map[string]bool{}, entities: map[[3]string]string{},
	}}
}

// OnRevoke adds a function that is called with each token that ends.
func (s *Store) OnRevoke(f func(id string)) { s.onRevoke = append(s.onRevoke, f) }

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
		e.Accessor = random.Text(24) + s.suffix
		s.byAccessor[e.Accessor] = e.ID
	}
	now := s.clock.Now()
	e.Created, e.expires, e.uses, e.orphan, e.home = now, now.Add(e.TTL), e.NumUses, e.Parent == "", s
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
	return nil
}

// alive returns a copy of a token. It is not alive if it or a parent has expired.
func (s *Store) alive(id string) (bool, *Entry) {
	e, ok := s.byID[id]
	if !ok || e.expired(s.clock.Now()) {
		return false, nil
	}
	if e.Parent != "" {
		if alive, _ := s.alive(e.Parent); !alive {
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

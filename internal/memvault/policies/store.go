// Package policies keeps the policies of the in-process Vault and serves them at
// sys/policies/acl.
package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"goblin/vaultkit/internal/memvault/acl"
)

// The policies that are always there.
const (
	Default  = "default"
	Wrapping = "response-wrapping"
)

// Store keeps policies by name. Its methods are safe for concurrent use.
type Store struct {
	mutex  sync.RWMutex
	byName map[string]*stored
	noRoot bool             // a list does not show root
	now    func() time.Time // of an OpenBao, otherwise nil
}

// stored is a policy with what an OpenBao notes about it.
type stored struct {
	*acl.Policy
	settings
	version  int
	modified time.Time
}

// NewStore returns a store with the policies that every Vault has.
func NewStore() *Store {
	s := &Store{byName: map[string]*stored{acl.Root: {Policy: &acl.Policy{Name: acl.Root}}}}
	for name, text := range map[string]string{Default: acl.DefaultText, Wrapping: acl.WrappingText} {
		policy, err := acl.Parse(name, text)
		if err != nil {
			panic(fmt.Sprintf("policies: the policy %s is broken: %v", name, err)) // a test parses both
		}
		s.byName[name] = &stored{Policy: policy}
	}
	return s
}

// HideRoot makes lists leave out root, as those of a namespace do.
func (s *Store) HideRoot() { s.noRoot = true }

// Get returns a policy, or nil if there is none of that name.
func (s *Store) Get(name string) *acl.Policy {
	if found := s.get(clean(name)); found != nil {
		return found.Policy
	}
	return nil
}

// get returns a policy that has not expired, or nil.
func (s *Store) get(name string) *stored {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if found := s.byName[name]; found != nil && !s.expired(found) {
		return found
	}
	return nil
}

// ACL merges the named policies. A name without a policy grants nothing.
func (s *Store) ACL(names []string) *acl.ACL {
	var found []*acl.Policy
	for _, name := range names {
		if policy := s.Get(name); policy != nil {
			found = append(found, policy)
		}
	}
	return acl.New(found...)
}

// Set replaces a policy. Its errors are texts for the client.
func (s *Store) Set(name, text string) error { return s.set(name, text, nil, settings{}) }

// set replaces a policy and its settings. cas may be nil.
func (s *Store) set(name, text string, cas *int, with settings) error {
	name = clean(name)
	policy, err := acl.Parse(name, text)
	if err != nil {
		return err
	}
	if immutable(name) {
		return fmt.Errorf("cannot update %q policy", name)
	}
	old := s.get(name)
	if err := checkCAS(old, cas, with); err != nil {
		return err
	}
	changed := &stored{Policy: policy, settings: with, version: 1}
	if old != nil {
		changed.version = old.version + 1
	}
	if s.now != nil {
		changed.modified = s.now()
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.byName[name] = changed
	return nil
}

// Delete removes a policy, if it is there.
func (s *Store) Delete(name string) error {
	name = clean(name)
	if immutable(name) {
		return fmt.Errorf("cannot delete %q policy", name)
	}
	if name == Default {
		return fmt.Errorf("cannot delete default policy")
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.byName, name)
	return nil
}

// Names returns the names as Vault lists them: in order, root last.
func (s *Store) Names() []string {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	names := slices.Sorted(maps.Keys(s.byName))
	names = slices.DeleteFunc(names, func(name string) bool {
		return name == acl.Root || name == Wrapping || s.expired(s.byName[name])
	})
	if s.noRoot {
		return names
	}
	return append(names, acl.Root)
}

func clean(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func immutable(name string) bool { return name == acl.Root || Unassignable(name) }

// Unassignable reports whether only Vault itself gives the policy to tokens.
func Unassignable(name string) bool { return name == Wrapping || name == "control-group" }

// Clean brings names into the form in which a token holds them: in lower case, in order,
// each once. Next to root no other policy counts.
func Clean(names []string, addDefault bool) []string {
	cleaned := make([]string, 0, len(names)+1)
	for _, name := range names {
		if name = clean(name); name == acl.Root {
			return []string{acl.Root}
		} else if name != "" {
			cleaned = append(cleaned, name)
		}
	}
	if addDefault {
		cleaned = append(cleaned, Default)
	}
	slices.Sort(cleaned)
	return slices.Compact(cleaned)
}

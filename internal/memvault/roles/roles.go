// Package roles keeps the roles of an auth method, and serves the requests that list, read, write
// and delete them.
package roles

import (
	"maps"
	"slices"
	"sync"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// Table holds the roles of one mount. The mutex of the method guards it, because a login also reads
// the method's configuration.
type Table[R any] struct {
	Mutex *sync.Mutex
	Key   func(name string) string                               // what a name is stored under
	New   func(name string) *R                                   // a role without settings
	Set   func(*R, endpoint.Params) (warnings []string, _ error) // changes a role
	Data  func(*R) map[string]any                                // what a read returns

	byKey map[string]*R
}

type operations = map[logical.Operation]endpoint.Handler

// List returns the operations on all roles.
func (t *Table[R]) List() map[logical.Operation]endpoint.Handler {
	return operations{logical.List: t.list}
}

// One returns the operations on one role.
func (t *Table[R]) One() map[logical.Operation]endpoint.Handler {
	return operations{logical.Create: t.write, logical.Update: t.write, logical.Read: t.read, logical.Delete: t.remove}
}

// Find returns a role, or nil. The caller holds the mutex.
func (t *Table[R]) Find(name string) *R { return t.byKey[t.Key(name)] }

// Exists reports whether the role of a request exists.
func (t *Table[R]) Exists(p endpoint.Params) bool {
	t.Mutex.Lock()
	defer t.Mutex.Unlock()
	return t.Find(p.Text("name")) != nil
}

func (t *Table[R]) list(*logical.Request, endpoint.Params) (*logical.Response, error) {
	t.Mutex.Lock()
	defer t.Mutex.Unlock()
	return logical.Listing(slices.Sorted(maps.Keys(t.byKey))), nil
}

func (t *Table[R]) read(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	t.Mutex.Lock()
	defer t.Mutex.Unlock()
	if found := t.Find(p.Text("name")); found != nil {
		return &logical.Response{Data: t.Data(found)}, nil
	}
	return nil, nil
}

func (t *Table[R]) write(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	t.Mutex.Lock()
	defer t.Mutex.Unlock()
	name := p.Text("name")
	changed := t.New(name)
	if known := t.Find(name); known != nil {
		*changed = *known
	}
	warnings, err := t.Set(changed, p)
	if err != nil {
		return nil, logical.Refuse("%s", err)
	}
	if t.byKey == nil {
		t.byKey = map[string]*R{}
	}
	t.byKey[t.Key(name)] = changed
	if len(warnings) > 0 {
		return &logical.Response{Warnings: warnings}, nil
	}
	return nil, nil
}

func (t *Table[R]) remove(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	t.Mutex.Lock()
	defer t.Mutex.Unlock()
	delete(t.byKey, t.Key(p.Text("name")))
	return nil, nil
}

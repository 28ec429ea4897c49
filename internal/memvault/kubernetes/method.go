package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

// Method is the auth method at one mount. Its methods are safe for concurrent use.
type Method struct {
	clock    *clock.Clock
	tokens   *token.Store
	accounts *Accounts
	limits   func() token.Limits

	mutex  sync.Mutex
	config *config
	roles  map[string]*role
}

// New returns a method without configuration. limits returns the mount's lease durations.
func New(c *clock.Clock, tokens *token.Store, accounts *Accounts, limits func() token.Limits) *Method {
	return &Method{clock: c, tokens: tokens, accounts: accounts, limits: limits, roles: map[string]*role{}}
}

type (
	operations = map[logical.Operation]endpoint.Handler
	fields     = map[string]field.Kind
)

// Table returns the paths below the mount.
func (m *Method) Table() *endpoint.Table {
	return endpoint.NewTable(
		endpoint.Endpoint{Pattern: "config", Fields: configFields,
			Operations: operations{logical.Read: m.readConfig, logical.Update: m.writeConfig}},
		endpoint.Endpoint{Pattern: "role/?", Operations: operations{logical.List: m.listRoles}},
		endpoint.Endpoint{Pattern: `role/(?P<name>\w(([\w-.]+)?\w)?)`, Fields: roleFields, Exists: m.exists, Operations: operations{
			logical.Create: m.writeRole, logical.Update: m.writeRole, logical.Read: m.readRole, logical.Delete: m.deleteRole}},
		endpoint.Endpoint{Pattern: "login", Operations: operations{logical.Update: m.login},
			Fields: fields{"role": field.String, "jwt": field.String}},
	)
}

func roleName(p endpoint.Params) string { return strings.ToLower(p.Text("name")) }

func (m *Method) exists(p endpoint.Params) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.roles[roleName(p)] != nil
}

func (m *Method) listRoles(*logical.Request, endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return logical.Listing(slices.Sorted(maps.Keys(m.roles))), nil
}

func (m *Method) readRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if found := m.roles[roleName(p)]; found != nil {
		return &logical.Response{Data: found.data()}, nil
	}
	return nil, nil
}

func (m *Method) writeRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	changed := &role{name: p.Text("name")}
	if known := m.roles[roleName(p)]; known != nil {
		*changed = *known
	}
	if err := changed.set(p); err != nil {
		return nil, logical.Refuse("%s", err)
	}
	m.roles[roleName(p)] = changed
	if warnings := changed.warnings(m.limits()); len(warnings) > 0 {
		return &logical.Response{Warnings: warnings}, nil
	}
	return nil, nil
}

func (m *Method) deleteRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.roles, roleName(p))
	return nil, nil
}

// lifetime is what a role grants when a token is renewed.
func (m *Method) lifetime(name string) (token.Lifetime, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.roles[strings.ToLower(name)]
	if found == nil {
		return token.Lifetime{}, fmt.Errorf("failed to renew entry: role %s does not exist during renewal", name)
	}
	return found.Lifetime(m.limits()), nil
}

package kubernetes

import (
	"fmt"
	"strings"
	"sync"

	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/roles"
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
	roles  roles.Table[role]
}

// New returns a method without configuration. limits returns the mount's lease durations.
func New(c *clock.Clock, tokens *token.Store, accounts *Accounts, limits func() token.Limits) *Method {
	m := &Method{clock: c, tokens: tokens, accounts: accounts, limits: limits}
	m.roles = roles.Table[role]{
		Mutex: &m.mutex, Key: strings.ToLower,
		New: func(name string) *role { return &role{Role: tokens.NewRole(), name: name} }, Set: m.setRole, Data: (*role).data,
	}
	return m
}

type (
	operations = map[logical.Operation]endpoint.Handler
	fields     = map[string]field.Kind
)

// Table returns the paths below the mount.
func (m *Method) Table() *endpoint.Table {
	return endpoint.NewTable(
		endpoint.Endpoint{Pattern: "config", Fields: m.configFields(),
			Operations: operations{logical.Read: m.readConfig, logical.Update: m.writeConfig}},
		endpoint.Endpoint{Pattern: "role/?", Operations: m.roles.List()},
		endpoint.Endpoint{Pattern: `role/(?P<name>\w(([\w-.]+)?\w)?)`, Fields: m.tokens.RoleFields(roleFields), Exists: m.roles.Exists,
			Operations: m.roles.One()},
		endpoint.Endpoint{Pattern: "login", Operations: operations{logical.Update: m.login},
			Fields: fields{"role": field.String, "jwt": field.String}},
	)
}

// setRole changes a role by the parameters of a request.
func (m *Method) setRole(r *role, p endpoint.Params) (warnings []string, err error) {
	if err := r.set(p); err != nil {
		return nil, err
	}
	return r.warnings(m.limits()), nil
}

// lifetime is what a role grants when a token is renewed.
func (m *Method) lifetime(name string) (token.Lifetime, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.roles.Find(name)
	if found == nil {
		return token.Lifetime{}, fmt.Errorf("failed to renew entry: role %s does not exist during renewal", name)
	}
	return found.Lifetime(m.limits()), nil
}

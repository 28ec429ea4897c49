package jwt

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

// Method is the auth method at one mount. Its methods are safe for concurrent use.
type Method struct {
	clock  *clock.Clock
	tokens *token.Store
	limits func() token.Limits

	mutex  sync.Mutex
	config *config
	roles  map[string]*role
}

// New returns a method without configuration. limits returns the mount's lease durations.
func New(c *clock.Clock, tokens *token.Store, limits func() token.Limits) *Method {
	return &Method{clock: c, tokens: tokens, limits: limits, roles: map[string]*role{}}
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
			Fields: fields{"role": field.String, "jwt": field.String, "distributed_claim_access_token": field.Unsupported}},
		endpoint.Endpoint{Pattern: "oidc/.*", Arbitrary: true, Operations: operations{logical.Update: oidc, logical.Read: oidc}},
	)
}

func oidc(*logical.Request, endpoint.Params) (*logical.Response, error) {
	return nil, logical.Unsupported("logins by OIDC")
}

func (m *Method) exists(p endpoint.Params) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.roles[p.Text("name")] != nil
}

func (m *Method) listRoles(*logical.Request, endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return logical.Listing(slices.Sorted(maps.Keys(m.roles))), nil
}

func (m *Method) readRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if found := m.roles[p.Text("name")]; found != nil {
		return &logical.Response{Data: found.data()}, nil
	}
	return nil, nil
}

func (m *Method) writeRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	changed := &role{name: p.Text("name")}
	if known := m.roles[changed.name]; known != nil {
		*changed = *known
	}
	if err := changed.set(p); err != nil {
		return nil, logical.Refuse("%s", err)
	}
	m.roles[changed.name] = changed
	if changed.MaxTTL > token.MaxTTL(m.limits()) {
		return &logical.Response{Warnings: []string{maxTTLWarning}}, nil
	}
	return nil, nil
}

const maxTTLWarning = "token max ttl is greater than the system or backend mount's maximum TTL value; " +
	"issued tokens' max TTL value will be truncated"

func (m *Method) deleteRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.roles, p.Text("name"))
	return nil, nil
}

// lifetime is what a role grants when a token is renewed.
func (m *Method) lifetime(name string) (token.Lifetime, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.roles[name]
	if found == nil {
		return token.Lifetime{}, fmt.Errorf("failed to renew entry: role %s does not exist during renewal", name)
	}
	return found.Lifetime(m.limits()), nil
}

package approle

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
)

// find returns the role that a request names, or nil.
func (m *Method) find(p endpoint.Params) *role { return m.roles[strings.ToLower(p.Text("role_name"))] }

func (m *Method) exists(p endpoint.Params) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.find(p) != nil
}

func (m *Method) listRoles(*logical.Request, endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return logical.Listing(slices.Sorted(maps.Keys(m.roles))), nil
}

func (m *Method) readRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.find(p)
	if found == nil {
		return nil, nil
	}
	return &logical.Response{Data: found.data()}, nil
}

func (m *Method) writeRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	name := strings.ToLower(p.Text("role_name"))
	changed := m.newRole(name)
	if known := m.roles[name]; known != nil {
		*changed = *known
	}
	if err := changed.set(p); err != nil {
		return nil, logical.Refuse("%s", err)
	}
	warnings := m.warnings(changed, p.Text("token_type"))
	err := m.save(changed)
	switch {
	case err != nil && len(warnings) > 0:
		err.Status = http.StatusBadRequest // as Vault has it next to a warning
		return nil, err
	case err != nil:
		return nil, err
	case len(warnings) > 0:
		return &logical.Response{Warnings: warnings}, nil
	}
	return nil, nil
}

func (m *Method) warnings(r *role, tokenType string) (warnings []string) {
	if kind, old := strings.CutPrefix(tokenType, "default-"); old {
		warnings = append(warnings, fmt.Sprintf("default-%s has no useful meaning; adjusting to %s", kind, kind))
	}
	if r.MaxTTL > m.maxTTL() {
		warnings = append(warnings, maxTTLWarning)
	}
	return warnings
}

const maxTTLWarning = "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value will be truncated"

// save stores a role, unless it lets everybody in or has another role's id.
func (m *Method) save(r *role) *logical.Error {
	if !r.bindSecretID {
		return internal("at least one constraint should be enabled on the role")
	}
	if other := m.byID(r.id); other != nil && other.name != r.name {
		return internal("role_id already in use")
	}
	m.roles[r.name] = r
	return nil
}

func (m *Method) byID(id string) *role {
	for _, r := range m.roles {
		if r.id == id {
			return r
		}
	}
	return nil
}

func (m *Method) deleteRole(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.roles, strings.ToLower(p.Text("role_name")))
	return nil, nil
}

func (m *Method) readRoleID(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.find(p)
	if found == nil {
		return nil, nil
	}
	return &logical.Response{Data: map[string]any{"role_id": found.id}}, nil
}

func (m *Method) writeRoleID(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.find(p)
	switch {
	case found == nil:
		return nil, logical.UnsupportedPath()
	case p.Text("role_id") == "":
		return nil, logical.Refuse("missing role_id")
	}
	changed := *found
	changed.id = p.Text("role_id")
	if err := m.save(&changed); err != nil {
		return nil, err
	}
	return nil, nil
}

func internal(text string) *logical.Error {
	return &logical.Error{Status: http.StatusInternalServerError, Text: logical.Listed(text)}
}

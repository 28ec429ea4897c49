package approle

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

func (m *Method) login(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	found, metadata, err := m.check(p)
	if err != nil {
		return nil, err
	}
	metadata["role_name"] = found.name
	return m.tokens.Login(found.Login(token.Login{
		Path: r.Mount + r.Path, Mount: r.Mount, Alias: found.id, Meta: metadata,
		Renew: func() (token.Lifetime, error) { return m.lifetime(found.name) },
	}, m.limits()))
}

// check returns a copy of the role that logs in, and its secret id's metadata. It uses the
// secret id.
func (m *Method) check(p endpoint.Params) (role, map[string]string, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	id, secret := strings.TrimSpace(p.Text("role_id")), strings.TrimSpace(p.Text("secret_id"))
	if id == "" {
		return role{}, nil, errNoAlias()
	}
	if err := m.checkLockout(id); err != nil {
		return role{}, nil, err
	}
	found := m.byID(id)
	if found == nil {
		return role{}, nil, errInvalid()
	}
	if secret == "" {
		return role{}, nil, logical.Refuse("missing secret_id")
	}
	s := m.secret(found, secret)
	if s == nil {
		m.countFailure(id)
		return role{}, nil, errInvalid()
	}
	delete(m.failed, id)
	switch s.numUses {
	case 0:
	case 1:
		m.end(found, s)
	default:
		s.numUses--
		s.updated = m.clock.Now()
	}
	return *found, maps.Clone(s.metadata), nil
}

// noLogin answers a request to the login path that is not a login.
func noLogin(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	if strings.TrimSpace(p.Text("role_id")) == "" {
		return nil, errNoAlias()
	}
	return nil, logical.UnsupportedOperation()
}

func errNoAlias() error {
	return &logical.Error{Status: http.StatusInternalServerError, Text: "failed to determine alias name from login request"}
}

func errInvalid() error { return logical.Refuse("invalid role or secret ID") }

// lifetime is what a role grants when a token is renewed.
func (m *Method) lifetime(name string) (token.Lifetime, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.roles[name]
	if found == nil {
		return token.Lifetime{}, fmt.Errorf("failed to renew entry: role %q does not exist during renewal", name)
	}
	return found.Lifetime(m.limits()), nil
}

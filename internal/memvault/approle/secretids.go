package approle

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/random"
	"goblin/vaultkit/internal/memvault/token"
)

func (m *Method) maxTTL() time.Duration { return token.MaxTTL(m.limits()) }

func (m *Method) createSecretID(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return m.create(r, p, random.UUID())
}

func (m *Method) createCustom(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return m.create(r, p, p.Text("secret_id"))
}

func (m *Method) create(_ *logical.Request, p endpoint.Params, text string) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if text == "" {
		return nil, logical.Refuse("missing secret_id")
	}
	found := m.find(p)
	if found == nil {
		return nil, &logical.Error{Status: http.StatusNotFound, Text: doesNotExist(p)}
	}
	if !found.bindSecretID {
		return nil, logical.Refuse("bind_secret_id is not set on the role")
	}
	secret, err := found.newSecretID(p, text)
	if err != nil {
		return nil, logical.Refuse("%s", err)
	}
	if m.secret(found, text) != nil {
		return nil, internal("failed to store secret_id: SecretID is already registered")
	}
	secret.created, secret.updated = m.clock.Now(), m.clock.Now()
	secret.ttl = min(secret.ttl, m.maxTTL())
	found.secrets[text] = secret
	m.accessors[secret.accessor] = true
	return &logical.Response{Data: map[string]any{
		"secret_id": text, "secret_id_accessor": secret.accessor, "secret_id_num_uses": secret.numUses,
		"secret_id_ttl": int(secret.ttl.Seconds()),
	}}, nil
}

func doesNotExist(p endpoint.Params) string {
	return fmt.Sprintf("role %q does not exist", p.Text("role_name"))
}

// newSecretID checks the parameters against the role's limits.
func (r *role) newSecretID(p endpoint.Params, text string) (*secretID, error) {
	s := &secretID{text: text, accessor: random.UUID(), numUses: r.secretIDNumUses, ttl: r.secretIDTTL, metadata: map[string]string{}}
	if p.Has("num_uses") {
		s.numUses = p.Int("num_uses")
	}
	if p.Has("ttl") {
		s.ttl = p.Duration("ttl")
	}
	switch {
	case s.numUses < 0:
		return nil, fmt.Errorf("num_uses cannot be negative")
	case r.secretIDNumUses > 0 && (s.numUses == 0 || s.numUses > r.secretIDNumUses):
		return nil, fmt.Errorf("num_uses cannot be higher than the role's secret_id_num_uses")
	case r.secretIDTTL > 0 && (s.ttl == 0 || s.ttl > r.secretIDTTL):
		return nil, fmt.Errorf("ttl cannot be longer than the role's secret_id_ttl")
	}
	var err error
	if s.metadata, err = parseMetadata(p.Text("metadata")); err != nil {
		return nil, fmt.Errorf("failed to parse metadata: %w", err)
	}
	return s, nil
}

// secret returns a role's secret id that has not expired, or nil.
func (m *Method) secret(r *role, text string) *secretID {
	s := r.secrets[text]
	if s != nil && s.expired(m.clock.Now()) {
		m.end(r, s)
		return nil
	}
	return s
}

func (m *Method) byAccessor(r *role, accessor string) *secretID {
	for text, s := range r.secrets {
		if s.accessor == accessor {
			return m.secret(r, text)
		}
	}
	return nil
}

func (m *Method) listSecretIDs(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := m.find(p)
	if found == nil {
		return nil, logical.Refuse("%s", doesNotExist(p))
	}
	var accessors []string
	for text := range found.secrets {
		if s := m.secret(found, text); s != nil {
			accessors = append(accessors, s.accessor)
		}
	}
	return logical.Listing(accessors), nil
}

// named returns the secret id with which a request deals, and its role.
func (m *Method) named(p endpoint.Params, parameter string) (*role, *secretID, error) {
	value := strings.TrimSpace(p.Text(parameter))
	if value == "" {
		return nil, nil, logical.Refuse("missing %s", parameter)
	}
	found := m.find(p)
	if found == nil {
		return nil, nil, internal(doesNotExist(p))
	}
	if parameter == "secret_id" {
		return found, m.secret(found, value), nil
	}
	return found, m.byAccessor(found, value), nil
}

func (m *Method) lookup(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	_, s, err := m.named(p, "secret_id")
	if err != nil || s == nil {
		return nil, err
	}
	return &logical.Response{Data: s.data()}, nil
}

func (m *Method) destroy(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	r, s, err := m.named(p, "secret_id")
	if err == nil && s != nil {
		m.end(r, s)
	}
	return nil, err
}

func (m *Method) lookupAccessor(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	_, s, err := m.named(p, "secret_id_accessor")
	switch {
	case err != nil:
		return nil, err
	case s == nil && m.isAccessor(p.Text("secret_id_accessor")):
		return nil, nil
	case s == nil:
		return &logical.Response{Status: http.StatusNotFound, Data: map[string]any{"error": noAccessor(p)}}, nil
	}
	return &logical.Response{Data: s.data()}, nil
}

func (m *Method) destroyAccessor(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	r, s, err := m.named(p, "secret_id_accessor")
	switch {
	case err != nil:
		return nil, err
	case s == nil && m.isAccessor(p.Text("secret_id_accessor")):
		return nil, &logical.Error{Status: http.StatusForbidden, Text: "invalid secret id accessor"}
	case s == nil:
		return nil, internal(noAccessor(p))
	}
	m.end(r, s)
	return nil, nil
}

// isAccessor reports whether the accessor belongs to another role's secret id, or to one
// that was deleted together with its role: Vault keeps the accessor of those.
func (m *Method) isAccessor(accessor string) bool { return m.accessors[accessor] }

// end removes a secret id and its accessor.
func (m *Method) end(r *role, s *secretID) {
	delete(r.secrets, s.text)
	delete(m.accessors, s.accessor)
}

func noAccessor(p endpoint.Params) string {
	return fmt.Sprintf("failed to find accessor entry for secret_id_accessor: %q", p.Text("secret_id_accessor"))
}

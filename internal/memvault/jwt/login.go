package jwt

import (
	"errors"
	"fmt"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/token"
)

func (m *Method) login(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	found, t, err := m.check(p)
	if err != nil {
		return nil, err
	}
	user, metadata, err := found.identify(t)
	if err == nil {
		err = boundError(t.checkBound(found.claims, found.claimsType == "glob"))
	}
	if err != nil {
		return nil, logical.Refuse("%s", err)
	}
	return m.tokens.Login(found.Login(token.Login{
		Path: r.Mount + r.Path, Mount: r.Mount, Alias: user, Name: user, Meta: metadata,
		Renew: func() (token.Lifetime, error) { return m.lifetime(found.name) },
	}, m.limits()))
}

func boundError(err error) error {
	if err != nil {
		return fmt.Errorf("error validating claims: %w", err)
	}
	return nil
}

// check verifies the JWT of a login and returns a copy of the role.
func (m *Method) check(p endpoint.Params) (*role, *Token, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.config == nil {
		return nil, nil, logical.Refuse("could not load configuration")
	}
	name := p.Text("role")
	if name == "" {
		name = m.config.defaultRole
	}
	if name == "" {
		return nil, nil, logical.Refuse("missing role")
	}
	found := m.roles.Find(name)
	switch {
	case found == nil:
		return nil, nil, logical.Refuse("role %q could not be found", name)
	case p.Text("jwt") == "":
		return nil, nil, logical.Refuse("missing token")
	}
	t, err := m.verify(found, p.Text("jwt"))
	if err != nil {
		return nil, nil, logical.Refuse("%s", err)
	}
	role := *found
	return &role, t, nil
}

func (m *Method) verify(r *role, text string) (*Token, error) {
	t, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("error validating token: error verifying token signature: %w", err)
	}
	if err := m.config.verify(t); err != nil {
		return nil, fmt.Errorf("error validating token: %w", err)
	}
	expected := Expected{
		Algorithms: m.config.algorithms, Issuer: m.config.issuer, Subject: r.subject, Audiences: r.audiences,
		NotBeforeLeeway: r.leeways["not_before_leeway"], ExpirationLeeway: r.leeways["expiration_leeway"],
		ClockSkewLeeway: r.leeways["clock_skew_leeway"],
	}
	if err := expected.Check(t, m.clock.Now()); err != nil {
		return nil, fmt.Errorf("error validating token: %w", err)
	}
	if len(r.audiences) == 0 && len(t.Audience()) > 0 && t.Audience()[0] != "" {
		return nil, errors.New("audience claim found in JWT but no audiences bound to the role")
	}
	return t, nil
}

// identify returns the name of the user and the metadata of the token.
func (r *role) identify(t *Token) (user string, metadata map[string]string, err error) {
	value := t.Claims[r.userClaim]
	if value == nil {
		return "", nil, fmt.Errorf("claim %q not found in token", r.userClaim)
	}
	user, ok := value.(string)
	if !ok {
		return "", nil, fmt.Errorf("claim %q could not be converted to string", r.userClaim)
	}
	metadata = map[string]string{"role": r.name}
	for source, target := range r.mappings {
		if t.Claims[source] == nil {
			continue
		}
		if metadata[target], ok = t.Claims[source].(string); !ok {
			return "", nil, fmt.Errorf("error converting claim '%s' to string", source)
		}
	}
	return user, metadata, nil
}

package session

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/api"
)

type jwtLogin struct {
	label
	mount, role string
	token       Credential
}

// JWT logs in with a JWT, such as the identity token of a CI job. Each login reads it again.
// The default mount is "jwt". An empty role is the mount's default role.
func JWT(mount, role string, token Credential) Method {
	m := &jwtLogin{mount: mountOrDefault(mount, "jwt"), role: role, token: token}
	about := "the default role"
	if role != "" {
		about = "role " + role
	}
	m.label = label(fmt.Sprintf("jwt at auth/%s, %s, JWT from %s", m.mount, about, token))
	return m
}

func (m *jwtLogin) repeatable() bool { return true }

func (m *jwtLogin) check() error {
	if err := checkMount(m.mount); err != nil {
		return err
	}
	return checkCredential("JWT", m.token, false)
}

func (m *jwtLogin) login(ctx context.Context, t *transport, _ *lease) (*lease, error) {
	token, err := m.token.secret(ctx)
	if err != nil {
		return nil, err
	}
	return loginWith(ctx, t, "auth/"+m.mount+"/login", &jwtAuth{m.mount, m.role, func() string { return token }})
}

// jwtAuth does what the official client's auth methods do; there is none for JWT.
type jwtAuth struct {
	mount, role string
	token       func() string // %v and %#v do not print its result
}

func (a *jwtAuth) Login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	data := map[string]any{"jwt": a.token()}
	if a.role != "" {
		data["role"] = a.role
	}
	return client.Logical().WriteWithContext(ctx, "auth/"+a.mount+"/login", data)
}

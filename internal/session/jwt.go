package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
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
	path := "auth/" + m.mount + "/login"
	held, err := loginWith(ctx, t, path, &jwtAuth{path, m.role, func() string { return token }})
	return held, m.explain(err, token)
}

// explain adds to the error of a login what to do about it.
func (m *jwtLogin) explain(err error, token string) error {
	refused, ok := errors.AsType[*vaulterr.Error](err)
	if !ok || !errors.Is(refused.Kind, vaulterr.ErrUnauthenticated) {
		return err
	}
	reason, hint := vaulterr.WhyJWT(refused.Err)
	lacking := ""
	if claims, invalid := parseClaims(m.token, token); invalid == nil {
		lacking = claims.LackedTime(reason)
	}
	switch {
	case lacking != "":
		hint = lacking
	case reason == vaulterr.JWTExpired:
		hint = m.expiredHint()
	}
	refused.Hint = cmp.Or(hint, refused.Hint)
	return refused
}

// expiredHint says if another login can succeed. That depends on where the JWT comes from.
func (m *jwtLogin) expiredHint() string {
	const expired = "the JWT from %s has expired"
	switch {
	case m.token.file != "":
		return fmt.Sprintf(expired+": put another one into the file; the next login reads it", m.token)
	case m.token.literal, m.token.variable != "":
		return fmt.Sprintf(expired+", and each login uses it again: start the program again with another one", m.token)
	}
	return fmt.Sprintf(expired+", although it is new: compare the clocks of Vault and of the JWT's issuer", m.token)
}

// jwtAuth does what the official client's auth methods do; there is none for JWT.
type jwtAuth struct {
	path, role string
	token      func() string // %v and %#v do not print its result
}

func (a *jwtAuth) Login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return client.Logical().WriteWithContext(ctx, a.path, map[string]any{"role": a.role, "jwt": a.token()})
}

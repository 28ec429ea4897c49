package session

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/api/auth/kubernetes"

	"goblin/vaultkit/internal/vaulterr"
)

const defaultJWT = "/var/run/secrets/kubernetes.io/serviceaccount/token"

type kubernetesLogin struct {
	label
	mount, role string
	jwt         Credential
}

// Kubernetes logs in with a service account's JWT. Each login reads the JWT again, because
// Kubernetes rotates it. The default mount is "kubernetes", and the default JWT is the
// pod's own.
func Kubernetes(mount, role, jwtPath string) Method {
	if jwtPath == "" {
		jwtPath = defaultJWT
	}
	m := &kubernetesLogin{mount: mountOrDefault(mount, "kubernetes"), role: role, jwt: FromFile(jwtPath)}
	m.label = label(fmt.Sprintf("kubernetes at auth/%s, role %s, JWT from %s", m.mount, role, m.jwt))
	return m
}

func (m *kubernetesLogin) repeatable() bool { return true }

func (m *kubernetesLogin) check() error {
	if m.role == "" {
		return vaulterr.Invalid("no Kubernetes role given")
	}
	return checkMount(m.mount)
}

func (m *kubernetesLogin) login(ctx context.Context, t *transport, _ *lease) (*lease, error) {
	// The official auth method would read the default file if the named one is empty.
	jwt, err := m.jwt.secret(ctx)
	if err != nil {
		return nil, err
	}
	helper, err := kubernetes.NewKubernetesAuth(m.role,
		kubernetes.WithMountPath(m.mount), kubernetes.WithServiceAccountToken(jwt))
	if err != nil {
		return nil, &vaulterr.Error{Op: "login", Kind: vaulterr.ErrInvalid, Err: err}
	}
	return loginWith(ctx, t, "auth/"+m.mount+"/login", helper)
}

package session

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// The kinds of login.
const (
	KindToken      = "token"
	KindAppRole    = "approle"
	KindKubernetes = "kubernetes"
)

// About is what can be told of a login without logging in.
type About struct {
	Kind  string // one of the three
	Mount string // of the auth method; empty for a token
	Role  string // of a Kubernetes login

	// Where the token, secret id or JWT comes from, if from there.
	Variable, File string

	Wrapped bool     // logging in uses up a wrapping token
	Exposed []string // credential files that every user of the machine may read
}

// Examine reads a login's credentials, as logging in would, and uses none of
// them. ErrInvalid names the one that cannot be used.
func Examine(m Method) (About, error) {
	if err := m.check(); err != nil {
		return About{}, err
	}
	about, credentials := describe(m)
	for _, one := range credentials {
		if _, err := one.secret(); err != nil {
			return about, err
		}
	}
	return about, nil
}

// describe tells of a login, and lists its credentials, the decisive one last.
func describe(m Method) (about About, credentials []Credential) {
	switch m := m.(type) {
	case *bareToken:
		about, credentials = About{Kind: KindToken}, []Credential{m.source}
	case *appRole:
		about = About{Kind: KindAppRole, Mount: m.mount, Wrapped: m.secretID.wrapped}
		credentials = []Credential{m.roleID, m.secretID}
	case *kubernetesLogin:
		about, credentials = About{Kind: KindKubernetes, Mount: m.mount, Role: m.role}, []Credential{m.jwt}
	}
	decisive := credentials[len(credentials)-1]
	about.Variable, about.File = decisive.variable, decisive.file
	// A projected JWT is readable to all of its pod: that is how it is delivered.
	if about.Kind != KindKubernetes && exposed(decisive.file) {
		about.Exposed = []string{decisive.file}
	}
	return about, credentials
}

// exposed reports a file that everybody may read. Windows keeps such rights
// elsewhere.
func exposed(path string) bool {
	if path == "" || runtime.GOOS == "windows" {
		return false
	}
	about, err := os.Stat(path)
	return err == nil && about.Mode().IsRegular() && about.Mode().Perm()&0o004 != 0
}

// PeekWrapped looks at a login's wrapping token, as logging in would, and does
// not use it up.
func PeekWrapped(ctx context.Context, client *api.Client, m Method, timeout time.Duration) error {
	role, ok := m.(*appRole)
	if !ok || !role.secretID.wrapped {
		return vaulterr.Invalid("the login has no wrapping token")
	}
	token, err := role.secretID.secret()
	if err != nil {
		return err
	}
	return role.inspect(ctx, newWire(client, timeout, func(*http.Request) {}), token)
}

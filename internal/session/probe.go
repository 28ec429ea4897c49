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
type LoginInfo struct {
	Kind  string // one of the three
	Mount string // of the auth method; empty for a token
	Role  string // of a Kubernetes login

	// Where the token, secret id or JWT comes from, if from there.
	Variable, File string

	Wrapped       bool     // logging in uses up a wrapping token
	WorldReadable []string // credential files that every user of the machine may read
}

// Examine reads a login's credentials, as logging in would, and uses none of
// them. ErrInvalid names the one that cannot be used.
func Probe(m Method) (LoginInfo, error) {
	if err := m.check(); err != nil {
		return LoginInfo{}, err
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
func describe(m Method) (about LoginInfo, credentials []Credential) {
	switch m := m.(type) {
	case *tokenLogin:
		about, credentials = LoginInfo{Kind: KindToken}, []Credential{m.source}
	case *appRoleLogin:
		about = LoginInfo{Kind: KindAppRole, Mount: m.mount, Wrapped: m.secretID.wrapped}
		credentials = []Credential{m.roleID, m.secretID}
	case *kubernetesLogin:
		about, credentials = LoginInfo{Kind: KindKubernetes, Mount: m.mount, Role: m.role}, []Credential{m.jwt}
	}
	decisive := credentials[len(credentials)-1]
	about.Variable, about.File = decisive.variable, decisive.file
	// A projected JWT is readable to all of its pod: that is how it is delivered.
	if about.Kind != KindKubernetes && worldReadable(decisive.file) {
		about.WorldReadable = []string{decisive.file}
	}
	return about, credentials
}

// exposed reports a file that everybody may read. Windows keeps such rights
// elsewhere.
func worldReadable(path string) bool {
	if path == "" || runtime.GOOS == "windows" {
		return false
	}
	about, err := os.Stat(path)
	return err == nil && about.Mode().IsRegular() && about.Mode().Perm()&0o004 != 0
}

// PeekWrapped looks at a login's wrapping token, as logging in would, and does
// not use it up.
func CheckWrapped(ctx context.Context, client *api.Client, m Method, timeout time.Duration) error {
	role, ok := m.(*appRoleLogin)
	if !ok || !role.secretID.wrapped {
		return vaulterr.Invalid("the login has no wrapping token")
	}
	token, err := role.secretID.secret()
	if err != nil {
		return err
	}
	return role.checkOrigin(ctx, newTransport(client, timeout, func(*http.Request) {}), token)
}

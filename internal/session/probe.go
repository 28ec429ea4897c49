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

// Kinds of login.
const (
	KindToken      = "token"
	KindAppRole    = "approle"
	KindKubernetes = "kubernetes"
	KindJWT        = "jwt"
	KindProxy      = "none"        // a proxy adds the token
	KindAuthMethod = "auth method" // of the program
)

// LoginInfo describes a login without logging in.
type LoginInfo struct {
	Kind  string // one of the kinds above
	Mount string // of the auth method; empty if there is none or it is not known
	Role  string // of a Kubernetes or JWT login

	// Variable or File is the origin of the token, secret id or JWT, if it has one.
	Variable, File string

	GitHub bool    // GitHub gives the JWT
	Helper bool    // the Vault CLI's token helper gives the token
	JWT    *Claims // of the JWT of a Kubernetes or JWT login, if it is one

	Wrapped       bool     // the secret id is wrapped
	WorldReadable []string // credential files that every user of the machine can read
}

// Probe reads a login's credentials, as a login would, and does not use them. ErrInvalid
// names a credential that cannot be used. The JWT of GitHub costs a request to GitHub, because
// only its answer tells whether a login can get one.
func Probe(ctx context.Context, m Method) (LoginInfo, error) {
	if err := m.check(); err != nil {
		return LoginInfo{}, err
	}
	about, credentials := describe(m)
	for _, one := range credentials {
		text, err := one.secret(ctx)
		if err != nil {
			return about, err
		}
		if about.Kind != KindJWT && about.Kind != KindKubernetes {
			continue
		}
		// Other implementations of Kubernetes' method may accept what is no JWT.
		if about.JWT, err = parseClaims(one, text); err != nil && about.Kind == KindJWT {
			return about, err
		}
	}
	return about, nil
}

// describe returns a login's description and its credentials, if it has any. The last
// credential is the secret one.
func describe(m Method) (about LoginInfo, credentials []Credential) {
	switch m := m.(type) {
	case *tokenLogin:
		about, credentials = LoginInfo{Kind: KindToken}, []Credential{m.source}
	case *appRoleLogin:
		about = LoginInfo{Kind: KindAppRole, Mount: m.mount, Wrapped: m.secretID.wrapped}
		credentials = []Credential{m.roleID, m.secretID}
	case *kubernetesLogin:
		about, credentials = LoginInfo{Kind: KindKubernetes, Mount: m.mount, Role: m.role}, []Credential{m.jwt}
	case *jwtLogin:
		about, credentials = LoginInfo{Kind: KindJWT, Mount: m.mount, Role: m.role}, []Credential{m.token}
	case proxyLogin:
		return LoginInfo{Kind: KindProxy}, nil
	case *authMethodLogin:
		return LoginInfo{Kind: KindAuthMethod}, nil
	}
	decisive := credentials[len(credentials)-1]
	about.Variable, about.File, about.GitHub, about.Helper = decisive.variable, decisive.file, decisive.github, decisive.helper
	// Kubernetes itself makes the JWT readable for the whole pod.
	if about.Kind != KindKubernetes && worldReadable(decisive.file) {
		about.WorldReadable = []string{decisive.file}
	}
	return about, credentials
}

// worldReadable reports whether every user can read the file. It is false on Windows,
// which has no such permission bits.
func worldReadable(path string) bool {
	if path == "" || runtime.GOOS == "windows" {
		return false
	}
	about, err := os.Stat(path)
	return err == nil && about.Mode().IsRegular() && about.Mode().Perm()&0o004 != 0
}

// CheckWrapped checks a login's wrapping token, as a login would, without using it up.
func CheckWrapped(ctx context.Context, client *api.Client, m Method, timeout time.Duration) error {
	role, ok := m.(*appRoleLogin)
	if !ok || !role.secretID.wrapped {
		return vaulterr.Invalid("the login has no wrapping token")
	}
	token, err := role.secretID.secret(ctx)
	if err != nil {
		return err
	}
	return role.checkOrigin(ctx, newTransport(client, timeout, func(*http.Request) {}), token)
}

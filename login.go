package vaultkit

import (
	"context"
	"os"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
)

// Credential says where a secret for a login comes from: [FromString], [FromFile], [FromEnv],
// [CLIToken] or [GitHubToken]. It prints where the secret comes from, and never the secret.
type Credential struct{ origin }

// origin has the methods that print a Credential.
type origin = session.Credential

// FromString returns a credential whose secret is given in the program.
func FromString(secret string) Credential { return Credential{session.FromString(secret)} }

// FromFile returns a credential whose secret is in a file. The file is read at each login. White
// space at its end is ignored.
func FromFile(path string) Credential { return Credential{session.FromFile(path)} }

// FromEnv returns a credential whose secret is in an environment variable, which is read at
// each login.
func FromEnv(name string) Credential { return Credential{session.FromEnv(name)} }

// Wrapped returns the credential of an AppRole's secret id, where c holds a response-wrapping token.
// The client checks the token's creation path, then unwraps it once, and keeps the secret id in
// memory. If the token was used before, New returns ErrWrappingToken.
func (c Credential) Wrapped() Credential { return Credential{session.Wrapped(c.origin)} }

// CLIToken returns the credential of the token that "vault login" wrote to ~/.vault-token.
func CLIToken() Credential { return Credential{session.CLIToken()} }

// GitHubToken returns the credential of the identity token that GitHub gives to a job of GitHub
// Actions, for [WithJWT]. The job needs "permissions: id-token: write". The audience must be one
// of the bound_audiences of the role in Vault. Empty: GitHub's default, the URL of the
// repository's owner.
//
// Each login asks GitHub for another token, because it ends within minutes. The request goes to
// $ACTIONS_ID_TOKEN_REQUEST_URL, over TLS, and follows no redirect. It is sent at most three times.
// If GitHub gives no token, the error is ErrUnauthenticated, and ErrInvalid if the job lacks the
// permission.
//
// In a job, the client writes the command that masks the token in the job's log to os.Stderr,
// which GitHub's runner reads. If you redirect it to a file, the file contains the token.
func GitHubToken(audience string) Credential {
	return Credential{session.GitHubToken(audience, os.Getenv, os.Stderr)}
}

// WithToken uses a token that exists already. The client renews it if that is possible, and never
// revokes it. When Vault refuses the token, the client reads it again from FromFile or FromEnv. The
// log gets a warning before a token that cannot be renewed expires.
func WithToken(token Credential) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Token(token.origin)) }
}

// AppRole holds what a login with Vault's AppRole method needs. It is for services and
// pipelines.
type AppRole struct {
	RoleID   Credential // required
	SecretID Credential // required; as it is, or Wrapped
	Mount    string     // of the auth method; default "approle"
}

// WithAppRole logs in with an AppRole, and again when the token ends. docs/logins.md shows how to
// set it up.
func WithAppRole(role AppRole) Option {
	return func(s *settings.Settings) {
		s.SetLogin(session.AppRole(role.Mount, role.RoleID.origin, role.SecretID.origin))
	}
}

// Kubernetes holds what a login with Vault's Kubernetes method needs. It is for pods.
type Kubernetes struct {
	Role    string // the role of Vault's Kubernetes auth method; required
	JWTFile string // read at each login; default: the projected service account token
	Mount   string // of the auth method; default "kubernetes"
}

// WithKubernetes logs in with a pod's service account, and again when the token ends.
// docs/logins.md shows how to set it up.
func WithKubernetes(k Kubernetes) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Kubernetes(k.Mount, k.Role, k.JWTFile)) }
}

// JWT holds what a login with Vault's JWT method needs. It is for CI jobs, and for every other
// program whose platform gives it a JWT.
type JWT struct {
	Role  string     // the role of Vault's JWT auth method; default: the method's default role
	Token Credential // the JWT, read at each login; required
	Mount string     // of the auth method; default "jwt"
}

// WithJWT logs in with a JWT, and again when the token ends. In GitHub Actions, [GitHubToken]
// gets the JWT. GitLab puts it into the variable that the job's id_tokens names. docs/logins.md
// shows how to set it up.
//
// Each login needs a JWT that is still valid. A JWT in a variable or string ends within minutes,
// and then no other login succeeds. That is enough for most jobs. A program that runs longer takes
// the JWT from GitHubToken, or from a file that is replaced in time.
func WithJWT(j JWT) Option {
	return func(s *settings.Settings) { s.SetLogin(session.JWT(j.Mount, j.Role, j.Token.origin)) }
}

// WithAuthMethod logs in with any auth method for the official client, such as those of
// github.com/hashicorp/vault/api/auth/aws or userpass, and again when the token ends. The name
// stands for the method in the log.
//
// newMethod makes the auth method for one login. It is called once at each login, because such
// methods read their credentials when they are made or used first. The client waits at most
// Timeouts.Request for newMethod and the method's Login, and cancels their context. It does not
// start another login while they run. The method gets a client of its own, without a token:
// its settings do not affect others.
//
// If the method fails, the error is ErrUnauthenticated and names the type of the method's error.
// It leaves out the text, which may contain a secret: log it in newMethod if it is safe. Only
// if the method's last request to Vault failed, the error is Vault's, or ErrUnavailable if there
// was no response. New tries again only then.
func WithAuthMethod(name string, newMethod func(ctx context.Context) (api.AuthMethod, error)) Option {
	return func(s *settings.Settings) { s.SetLogin(session.AuthMethod(name, newMethod)) }
}

// WithoutLogin sends requests without a token, to a Vault Agent or Proxy that adds its own (auto_auth,
// and use_auto_auth_token in its api_proxy). The address is usually "unix:///run/vault.sock" or
// "http://127.0.0.1:8100". New checks that a valid token is added; the error is ErrUnauthenticated
// if not. The client neither renews nor revokes that token, and when it ends, it is up to the proxy
// to add another one. VAULT_AGENT_ADDR is not read.
func WithoutLogin() Option {
	return func(s *settings.Settings) { s.SetLogin(session.ProxyLogin()) }
}

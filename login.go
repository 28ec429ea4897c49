package vaultkit

import (
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
)

// Credential is where a secret for a login comes from. It is made by [FromString],
// [FromFile], [FromEnv] or [CLIToken]. It prints as where it comes from, and
// never as the secret.
type Credential struct{ origin }

// origin prints for Credential.
type origin = session.Credential

// FromString returns a credential whose secret is given in the program.
func FromString(secret string) Credential { return Credential{session.FromString(secret)} }

// FromFile returns a credential whose secret is in a file. The file is read at each login;
// white space at its end is ignored.
func FromFile(path string) Credential { return Credential{session.FromFile(path)} }

// FromEnv returns a credential whose secret is in an environment variable, which is read at
// each login.
func FromEnv(name string) Credential { return Credential{session.FromEnv(name)} }

// Wrapped returns the credential of an AppRole's secret id that is inside c, a
// response-wrapping token. The token is unwrapped once, after a check of its creation path;
// the secret id stays in memory. A token that was used before is ErrWrappingToken.
func (c Credential) Wrapped() Credential { return Credential{session.Wrapped(c.origin)} }

// CLIToken returns the credential of the token that "vault login" wrote to ~/.vault-token.
func CLIToken() Credential { return Credential{session.CLIToken()} }

// WithToken uses a token that somebody else obtained. The client renews it if that is
// possible, reads it again from FromFile or FromEnv when Vault refuses it, and never revokes
// it. The logger gets a warning before a token ends that cannot be renewed.
func WithToken(token Credential) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Token(token.origin)) }
}

// AppRole holds what a login with Vault's AppRole method needs. It is for services and
// pipelines.
type AppRole struct {
	RoleID   Credential
	SecretID Credential // as it is, or Wrapped
	Mount    string     // default "approle"
}

// WithAppRole logs in with an AppRole.
func WithAppRole(role AppRole) Option {
	return func(s *settings.Settings) {
		s.SetLogin(session.AppRole(role.Mount, role.RoleID.origin, role.SecretID.origin))
	}
}

// Kubernetes holds what a login with Vault's Kubernetes method needs. It is for pods.
type Kubernetes struct {
	Role    string // the role of Vault's Kubernetes auth method
	JWTFile string // default: the projected service account token; read at each login
	Mount   string // default "kubernetes"
}

// WithKubernetes logs in with a pod's service account.
func WithKubernetes(k Kubernetes) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Kubernetes(k.Mount, k.Role, k.JWTFile)) }
}

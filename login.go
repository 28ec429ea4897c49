package vaultkit

import (
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
)

// Credential says where a secret comes from; it prints as its origin only.
type Credential = session.Credential

// Value is a credential given in the program.
func Value(secret string) Credential { return session.Value(secret) }

// File is the content of a file, without trailing white space, read at each
// login.
func File(path string) Credential { return session.File(path) }

// Env is the value of an environment variable, read at each login.
func Env(name string) Credential { return session.Env(name) }

// Wrapped is a response-wrapping token around an AppRole's secret id. It is
// unwrapped once, after its creation path was checked; the secret id stays in
// memory. A token that was used before is ErrWrappingToken.
func Wrapped(token Credential) Credential { return session.Wrapped(token) }

// CLIToken is the token that "vault login" left in ~/.vault-token.
func CLIToken() Credential { return session.CLIToken() }

// WithToken uses a token that somebody else obtained. It is renewed where it
// can be, read again from a File or Env when Vault refuses it, and never
// revoked. Before one that cannot be renewed ends, the logger gets a warning.
func WithToken(token Credential) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Token(token)) }
}

// AppRole is a login for services and pipelines.
type AppRole struct {
	RoleID   Credential
	SecretID Credential // plain, or Wrapped
	Mount    string     // default "approle"
}

// WithAppRole logs in with an AppRole.
func WithAppRole(role AppRole) Option {
	return func(s *settings.Settings) { s.SetLogin(session.AppRole(role.Mount, role.RoleID, role.SecretID)) }
}

// Kubernetes is a login for pods.
type Kubernetes struct {
	Role    string // the role of Vault's Kubernetes auth method
	JWTFile string // default: the projected service account token; read at each login
	Mount   string // default "kubernetes"
}

// WithKubernetes logs in with a pod's service account.
func WithKubernetes(k Kubernetes) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Kubernetes(k.Mount, k.Role, k.JWTFile)) }
}

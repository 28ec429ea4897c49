package vaultkit

import (
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/settings"
)

// Credential says where a secret for a login comes from: [FromString], [FromFile], [FromEnv] or
// [CLIToken]. It prints where the secret comes from, and never the secret.
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

// WithAppRole logs in with an AppRole, and again when the token ends. docs/policies.md shows how to
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
// docs/policies.md shows how to set it up.
func WithKubernetes(k Kubernetes) Option {
	return func(s *settings.Settings) { s.SetLogin(session.Kubernetes(k.Mount, k.Role, k.JWTFile)) }
}

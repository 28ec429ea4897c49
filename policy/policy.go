// Package policy writes the Vault policies that vaultkit needs: for each kind of work the
// smallest one.
//
// A [Role] is a kind of work:
//
//   - [Reader] reads keys and lists the providers. Services need this role.
//   - [Monitor] sees ages, expiries and unfinished rotations, and no secret.
//   - [Provisioner] stores a provider's first secret, and never replaces one.
//   - [Rotator] rotates, rolls back and recovers. Rotation jobs need this role.
//   - [Recoverer] finds out what unfinished rotations did, and records it.
//   - [Revoker] has the keys revoked that rotations replaced.
//   - [Janitor] deletes backups, and sees no secret.
//   - [Auditor] reads who rotated what, when and why, and sees no secret.
//
// No role may delete a provider, or change how long Vault keeps its versions.
//
// [ForRole] returns the role's policy as text (HCL). "vault policy write" stores it, or the
// official client (official is its *api.Client):
//
//	text, err := policy.ForRole(policy.Reader, policy.OnlyProviders("openai-gpt4"))
//	if err != nil {
//		return err
//	}
//	err = official.Sys().PutPolicyWithContext(ctx, "vaultkit-reader-openai-gpt4", text)
//
// Without [OnlyProviders], a policy is for every provider. [AtMount] and [AtBasePath] are for
// other places than secret/goblin-assistant. [Name] returns the name under which vaultkit itself
// stores a policy.
//
// docs/policies.md shows how to give a policy to an AppRole or a pod, and SECURITY.md what a
// stolen token of each role can do. Package doctor checks that a token has the rights of a role,
// and no dangerous ones.
package policy

import (
	"cmp"
	"slices"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulterr"
)

// Role is a kind of work with provider keys. It stands for the rights that this work needs.
type Role string

// The roles. ForRole returns the exact rights of each.
const (
	Reader      Role = "reader"      // services: read keys, list providers
	Monitor     Role = "monitor"     // see ages, expiries and unfinished rotations; read no secret
	Provisioner Role = "provisioner" // store a provider's first secret, never replace one
	Rotator     Role = "rotator"     // rotate, roll back, recover; add backups and records, not change them
	Recoverer   Role = "recoverer"   // recover; never change a secret
	Revoker     Role = "revoker"     // recover, and have old keys revoked; never change a secret
	Janitor     Role = "janitor"     // delete backups; read no secret
	Auditor     Role = "auditor"     // read records; read no secret, write nothing
)

// Roles returns all roles.
func Roles() []Role {
	var roles []Role
	for _, name := range rights.Roles() {
		roles = append(roles, Role(name))
	}
	return roles
}

// Option configures [ForRole].
type Option func(*options)

type options struct {
	scope    rights.Scope
	narrowed bool // to the providers of the scope
}

// OnlyProviders narrows a policy to the providers with these names, at least one. A role
// that lists providers still sees the names of the others. Do not give a token both a
// narrowed policy and one for every provider: for a path in both, Vault applies the narrowed
// policy alone. Default: every provider.
func OnlyProviders(names ...string) Option {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return func(o *options) { o.scope.Providers, o.narrowed = names, true }
}

// AtMount sets the path of the KV version 2 mount, as vaultkit.WithMount does for a client.
// Default "secret".
func AtMount(path string) Option { return func(o *options) { o.scope.Mount = path } }

// AtBasePath sets the path below the mount, as vaultkit.WithBasePath does for a client.
// Default "goblin-assistant".
func AtBasePath(path string) Option { return func(o *options) { o.scope.Base = path } }

// ForRole returns the smallest policy that a role needs, as text (HCL) for "vault policy
// write". A comment at its top says what the role may do. It includes what a client does
// with its own token (look up, renew, revoke, ask for capabilities), so that tokens need not
// have Vault's default policy. Its paths are relative to the namespace in which the policy
// is stored.
//
// ForRole does not connect to Vault: the same arguments give the same text. It is safe for
// concurrent use.
//
// Errors: vaultkit.ErrInvalid (an unknown role; a provider's name, mount or base path that a
// client would refuse too; OnlyProviders without a name; a nil option).
func ForRole(role Role, opts ...Option) (string, error) {
	text, err := forRole(role, opts)
	return text, vaulterr.WithOp("policy.ForRole", "", err)
}

func forRole(role Role, opts []Option) (string, error) {
	scope, err := newScope(opts)
	if err != nil {
		return "", err
	}
	summary, granted, err := rights.ForRole(string(role))
	if err != nil {
		return "", err
	}
	grants, err := scope.Grants(granted)
	if err != nil {
		return "", err
	}
	text := "# May " + summary + ".\n"
	for _, one := range grants {
		text += block(one)
	}
	return text + ownToken, nil
}

// Name returns the name under which "vaultkit setup" stores the policy that [ForRole] returns for
// the same arguments: "vaultkit-reader", or with [OnlyProviders] "vaultkit-reader-openai-gpt4". A
// policy for other providers, another mount or another base path has another name; where the names
// of several providers or the paths do not fit, it ends in a digest. AppRoles, and the roles of
// other auth methods that have the policy, have the same name.
//
// Errors: those of ForRole.
func Name(role Role, opts ...Option) (string, error) {
	name, err := nameOf(role, opts)
	return name, vaulterr.WithOp("policy.Name", "", err)
}

func nameOf(role Role, opts []Option) (string, error) {
	scope, err := newScope(opts)
	if err != nil {
		return "", err
	}
	if _, _, err := rights.ForRole(string(role)); err != nil {
		return "", err
	}
	if scope.Mount == settings.DefaultMount {
		scope.Mount = ""
	}
	if scope.Base == settings.DefaultBase {
		scope.Base = ""
	}
	return scope.Name(string(role)), nil
}

// newScope applies the options to the defaults and checks the result.
func newScope(opts []Option) (rights.Scope, error) {
	o := options{scope: rights.Scope{Mount: settings.DefaultMount, Base: settings.DefaultBase}}
	err := cmp.Or(settings.Apply(&o, opts), kv.CheckPath("mount", o.scope.Mount), kv.CheckPath("base path", o.scope.Base))
	if o.narrowed && len(o.scope.Providers) == 0 {
		// An empty list by mistake must not become a policy for them all.
		err = cmp.Or[error](err, vaulterr.Invalid("OnlyProviders names no provider"))
	}
	for _, provider := range o.scope.Providers {
		err = cmp.Or(err, kv.CheckName("provider name", provider))
	}
	return o.scope, err
}

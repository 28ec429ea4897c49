// Package setup makes what vaultkit needs in a Vault: policies, the roles of auth methods that
// have them, and what these need. It reads what is there, plans what to create and what to
// restore, and applies the plan. Everything that it makes is named vaultkit-…, and what has such a
// name is its own. Mounts and the audit header may be others' too: it adds missing ones, and
// leaves existing ones as they are. What is for somebody else is replaced only if the Spec says so.
package setup

import (
	"slices"

	"goblin/vaultkit/policy"
)

// Spec says what a Vault must have.
type Spec struct {
	Mount, Base string   // empty: the defaults
	Providers   []string // to which the policies are narrowed; empty: all

	Policies   []policy.Role // without a login
	AppRoles   AppRoles
	Kubernetes Kubernetes
	Issuers    []Issuer

	AuditHeader bool

	ReplaceRole   bool // give a role to the flags' jobs or pods, though it is for others now
	ReplaceConfig bool // write the config of an auth mount that is for something else now
}

// options returns the options of the policies.
func (s *Spec) options() []policy.Option {
	var options []policy.Option
	if s.Mount != "" {
		options = append(options, policy.AtMount(s.Mount))
	}
	if s.Base != "" {
		options = append(options, policy.AtBasePath(s.Base))
	}
	if len(s.Providers) > 0 {
		options = append(options, policy.OnlyProviders(s.Providers...))
	}
	return options
}

// Check refuses what no policy can be for: an unknown role, or an invalid provider, mount or base
// path.
func (s *Spec) Check() error {
	for _, role := range s.wanted() {
		if _, err := policy.Name(role, s.options()...); err != nil {
			return err
		}
	}
	return nil
}

// name returns the name of a role's policy, and of the roles of auth methods that have it.
func (s *Spec) name(role policy.Role) string {
	name, _ := policy.Name(role, s.options()...) // cannot fail after Check
	return name
}

// wanted returns the roles that are asked for.
func (s *Spec) wanted() []policy.Role {
	wanted := slices.Concat(s.Policies, s.AppRoles.Roles)
	for _, account := range s.Kubernetes.Accounts {
		wanted = append(wanted, account.Role)
	}
	for _, issuer := range s.Issuers {
		for _, login := range issuer.Logins {
			wanted = append(wanted, login.Role)
		}
	}
	return wanted
}

// roles returns the roles whose policies are needed, in the order of the table of roles.
func (s *Spec) roles() []policy.Role {
	wanted := s.wanted()
	return slices.DeleteFunc(policy.Roles(), func(role policy.Role) bool { return !slices.Contains(wanted, role) })
}

// objects returns what the Vault must have, in the order in which it is written: no role is there
// before its policy.
func (s *Spec) objects() []*object {
	all := []*object{s.kvMount()}
	if s.AuditHeader {
		all = append(all, auditHeader())
	}
	for _, role := range s.roles() {
		all = append(all, s.policy(role))
	}
	all = append(all, s.appRoles()...)
	all = append(all, s.kubernetes()...)
	for _, issuer := range s.Issuers {
		all = append(all, s.issuer(issuer)...)
	}
	return all
}

package doctor

import (
	"slices"

	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/policy"
)

// subject returns what is to be checked, as far as the settings say; invalid is the error of
// the options.
func (q Query) subject(c *settings.Settings, invalid error) checks.Subject {
	err := invalid
	if err == nil {
		err = q.check()
	}
	s := checks.Subject{
		OptionsError: err, OptionsFix: remedy(c, q.Args),
		Address: c.Address, Connect: c.OfficialClient, ViaProxy: c.Existing == nil,
		Login: c.Login, IgnoredLogins: c.IgnoredLogins, Unwrap: q.Unwrap,
		Mount: c.Mount, Base: c.Base, Providers: q.Providers,
		Harmful: func(provider string) []checks.Right { return harmful(c, provider) },
		Logger:  c.Logger, Backoff: c.Backoff, Timeout: min(c.CheckTimeout, c.Timeouts.Request), Flags: q.Args, PlaceFlags: place(c),
	}
	if c.TLS != nil {
		s.SkipVerify = c.TLS.SkipVerify
		files := []string{c.TLS.CAFile, c.TLS.CADir, c.TLS.CertFile, c.TLS.KeyFile}
		s.TLSFiles = slices.DeleteFunc(files, func(name string) bool { return name == "" })
	}
	if s.Flags == "" {
		s.Flags = s.PlaceFlags
	}
	for _, role := range q.roles() {
		if !slices.Contains(policy.Roles(), role) {
			continue // q.check has refused it
		}
		s.Roles = append(s.Roles, checks.Role{Name: string(role), Required: len(q.Roles) > 0 || role == policy.Reader,
			Rights: func(provider string) []checks.Right { return rightsFor(role, c, provider) }})
	}
	return s
}

// check refuses invalid names of providers and unknown roles.
func (q Query) check() error {
	for _, provider := range q.Providers {
		if err := kv.CheckName("provider name", provider); err != nil {
			return err
		}
	}
	for _, role := range q.Roles {
		if _, _, err := rights.ForRole(string(role)); err != nil {
			return err
		}
	}
	return nil
}

func (q Query) roles() []policy.Role {
	if len(q.Roles) == 0 {
		return []policy.Role{policy.Reader, policy.Rotator}
	}
	return slices.Compact(slices.Sorted(slices.Values(q.Roles)))
}

// rightsFor returns the role's rights for one provider, or for any, at the paths of its
// policy.
func rightsFor(role policy.Role, s *settings.Settings, provider string) []checks.Right {
	_, all, _ := rights.ForRole(string(role)) // query.check has refused what fails here
	return rightsAt(s, all, rights.Own(string(role)), provider)
}

func rightsAt(s *settings.Settings, all, own rights.Set, provider string) []checks.Right {
	scope := rights.Scope{Mount: s.Mount, Base: s.Base}
	if provider != "" {
		scope.Providers = []string{provider}
	}
	grants, _ := scope.Grants(all) // fails only for invalid names, which were refused or left out before
	var found []checks.Right
	for _, one := range grants {
		for _, capability := range one.Capabilities {
			found = append(found, checks.Right{Path: one.Path, Capability: capability, Own: slices.Contains(own[one.PathKind], capability)})
		}
	}
	return found
}

// remedy returns the command that fixes wrong settings.
func remedy(c *settings.Settings, args string) checks.Fix {
	switch {
	case kv.CheckPath("mount", c.Mount) != nil:
		return checks.Fix{Kind: checks.DefaultMount, Command: "vaultkit doctor" + args + " --mount " + settings.DefaultMount}
	case kv.CheckPath("base path", c.Base) != nil:
		return checks.Fix{Kind: checks.DefaultBase, Command: "vaultkit doctor" + args + " --base " + settings.DefaultBase}
	case c.BadVariable != "":
		return checks.Fix{Kind: checks.UnsetVariable, Command: "unset " + c.BadVariable}
	}
	return checks.Fix{Kind: checks.ReadHelp, Command: "vaultkit doctor --help"}
}

// place returns mount and base path as flags of the CLI, if they are not the defaults.
func place(c *settings.Settings) string {
	args := ""
	if c.Mount != settings.DefaultMount {
		args += " --mount " + c.Mount
	}
	if c.Base != settings.DefaultBase {
		args += " --base " + c.Base
	}
	return args
}

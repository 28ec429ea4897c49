package vaultkit

import (
	"context"
	"iter"
	"slices"

	"goblin/vaultkit/internal/doctor"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/rights"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/policy"
)

// Finding is what one check of [Diagnose] found.
type Finding struct {
	// Check is its name: configuration, credentials, reach, tls, server, clock,
	// login, token, mount, providers, names, rights:<role>, excess, audit, deletion or
	// pending.
	Check  string        `json:"check"`
	Status FindingStatus `json:"status"`
	Detail string        `json:"detail"`        // what was found; never a secret
	Fix    string        `json:"fix,omitempty"` // the one command that mends it, or shows where to look
	// LookOnly: Fix does not mend it, and only shows where to look.
	LookOnly bool  `json:"look_only,omitempty"`
	Err      error `json:"-"` // of a failed check, for errors.Is; otherwise nil
}

// FindingStatus is what came of a check.
type FindingStatus = doctor.Status

// The states, the best first.
const (
	FindingOK      = doctor.OK      // "ok"
	FindingSkipped = doctor.Skipped // "skipped": not looked at, Detail says why
	FindingWarning = doctor.Warning // "warning": works, and may not for long, or is not safe
	FindingFailed  = doctor.Failed  // "failed": keeps a client from its work
)

// DiagnoseQuery says what Diagnose looks at. The zero value is about a reader.
type DiagnoseQuery struct {
	Providers []string // none: all of them
	// Roles are the roles whose rights the token must have. None: the reader's; and
	// the rotator's are looked at, and may be missing as a whole.
	Roles []policy.Role
	// Unwrap lets it use up a wrapping token; otherwise the login and what follows
	// are skipped.
	Unwrap bool
	// Args is what a vaultkit command in a Fix is given to find the same Vault, such
	// as " --mount team". Default: mount and base path, where they are not the usual.
	Args string
}

// Diagnose looks for what keeps a client made with these options from its work:
// the address, TLS, seal, clock, login, token, mount, the names of providers, the rights
// of each role and dangerous ones, the audit device, deleted keys, rotations left
// unfinished. It connects and logs in as [New]
// does and yields a finding for each check, in order; a check that depends on one
// that failed is skipped. A service may run it at its start and log what is not
// FindingOK.
//
// It writes nothing to Vault, and reads no secret. Like every login it costs a use
// of a secret id or token that has a limited number of them; where the token's own
// uses are counted, it stops looking after two. A wrapping token it only looks at
// (see DiagnoseQuery.Unwrap). Each check ends within 5 s (Timeouts.Request, if that
// is less), that for unfinished rotations with ctx.
func Diagnose(ctx context.Context, query DiagnoseQuery, opts ...Option) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		s, err := readOptions(opts)
		for found := range doctor.Examine(ctx, query.subject(s, err)) {
			if s.FixFound != nil {
				s.FixFound(found.Check, string(found.Fix.Kind))
			}
			if !yield(newFinding(found)) {
				return
			}
		}
	}
}

func newFinding(found doctor.Finding) Finding {
	return Finding{
		Check: found.Check, Status: found.Status, Detail: found.Detail, Err: found.Err,
		Fix: found.Fix.Command, LookOnly: found.Fix.Command != "" && !found.Fix.Kind.Heals(),
	}
}

// subject is what is to be examined, as far as it can be told; invalid is what was wrong
// with the options.
func (q DiagnoseQuery) subject(c *settings.Settings, invalid error) doctor.Subject {
	err := invalid
	if err == nil {
		err = q.check()
	}
	s := doctor.Subject{
		Invalid: err, Remedy: remedy(c, q.Args),
		Address: c.Address, Dial: c.OfficialClient, ViaProxy: c.Existing == nil,
		Login: c.Login, PassedOver: c.IgnoredLogins, Unwrap: q.Unwrap,
		Mount: c.Mount, Base: c.Base, Providers: q.Providers, Harmful: func(provider string) []doctor.Right { return harmful(c, provider) },
		Logger: c.Logger, Backoff: c.Backoff, Bound: min(c.CheckBound, c.Timeouts.Request), Args: q.Args, Unusual: place(c),
	}
	if c.TLS != nil {
		s.SkipVerify = c.TLS.SkipVerify
		s.TLSFiles = slices.DeleteFunc([]string{c.TLS.CAFile, c.TLS.CADir, c.TLS.CertFile, c.TLS.KeyFile}, func(name string) bool { return name == "" })
	}
	if s.Args == "" {
		s.Args = s.Unusual
	}
	for _, role := range q.roles() {
		if !slices.Contains(policy.Roles(), role) {
			continue // refused above; a check would have its name
		}
		s.Roles = append(s.Roles, doctor.Role{Name: string(role), Required: len(q.Roles) > 0 || role == policy.Reader,
			Rights: func(provider string) []doctor.Right { return rightsFor(role, c, provider) }})
	}
	return s
}

// check refuses providers and roles that there cannot be.
func (q DiagnoseQuery) check() error {
	for _, provider := range q.Providers {
		if err := checkProvider(provider); err != nil {
			return err
		}
	}
	for _, role := range q.Roles {
		if _, _, err := rights.Of(string(role)); err != nil {
			return err
		}
	}
	return nil
}

func (q DiagnoseQuery) roles() []policy.Role {
	if len(q.Roles) == 0 {
		return []policy.Role{policy.Reader, policy.Rotator}
	}
	return slices.Compact(slices.Sorted(slices.Values(q.Roles)))
}

// rightsFor returns the role's rights for one provider, or for any, at the paths of its
// policy.
func rightsFor(role policy.Role, s *settings.Settings, provider string) []doctor.Right {
	_, all, _ := rights.Of(string(role)) // query.check has refused what fails here
	return rightsAt(s, all, rights.Own(string(role)), provider)
}

func rightsAt(s *settings.Settings, all, own rights.Set, provider string) []doctor.Right {
	scope := rights.Scope{Mount: s.Mount, Base: s.Base}
	if provider != "" {
		scope.Providers = []string{provider}
	}
	grants, _ := scope.Grants(all) // names were checked, or listed and sifted
	var found []doctor.Right
	for _, one := range grants {
		for _, capability := range one.Capabilities {
			found = append(found, doctor.Right{Path: one.Path, Capability: capability, Own: slices.Contains(own[one.Place], capability)})
		}
	}
	return found
}

// remedy is the command that mends settings which cannot be right.
func remedy(c *settings.Settings, args string) doctor.Fix {
	switch {
	case kv.CheckPath("mount", c.Mount) != nil:
		return doctor.Fix{Kind: doctor.DefaultMount, Command: "vaultkit doctor" + args + " --mount " + settings.DefaultMount}
	case kv.CheckPath("base path", c.Base) != nil:
		return doctor.Fix{Kind: doctor.DefaultBase, Command: "vaultkit doctor" + args + " --base " + settings.DefaultBase}
	case c.BadVariable != "":
		return doctor.Fix{Kind: doctor.UnsetVariable, Command: "unset " + c.BadVariable}
	}
	return doctor.Fix{Kind: doctor.ReadHelp, Command: "vaultkit doctor --help"}
}

// place is where the keys are, as flags of the CLI, where it is not the usual.
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

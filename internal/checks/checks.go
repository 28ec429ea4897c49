// Package checks looks for problems that prevent a client from working. Its checks run in
// order, from the address to unfinished rotations. It connects and logs in as a client does, so
// a service gets the same results. It writes nothing.
package checks

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/session"
	"goblin/vaultkit/internal/vaulterr"
)

// Status is the result of a check.
type Status string

// The statuses, the best first.
const (
	OK      Status = "ok"
	Skipped Status = "skipped" // did not run; Detail says why
	Warning Status = "warning" // works now; it may soon stop working, or is not safe
	Failed  Status = "failed"  // prevents the client from working
)

// Finding is the result of one check, with details.
type Finding struct {
	Check  string
	Status Status
	Detail string
	Fix    Fix
	Err    error
}

// Subject describes the client to check.
type Subject struct {
	OptionsError error // the error of its options, or nil
	OptionsFix   Fix

	Address    string // as the user gave it
	TLSFiles   []string
	SkipVerify bool
	Connect    func() (client *api.Client, hangUp func(), err error)
	ViaProxy   bool // the client uses the proxy variables

	Login         session.Method // nil: there is none
	IgnoredLogins []string       // other logins whose variables are set, too
	// Unwrap allows a login that uses up a wrapping token.
	Unwrap bool

	Mount, Base string
	Roles       []Role
	Providers   []string // empty: all of them
	// Harmful returns the rights that change or destroy what is stored for a provider ("": for
	// any), and the mount. A token should have only those that one of its roles has.
	Harmful func(provider string) []Right

	Logger     *slog.Logger
	Backoff    backoff.Backoff
	Timeout    time.Duration // of each check; in the rights and excess checks of each request; deletion and pending have none
	Flags      string        // for the vaultkit commands in fixes, each after a space
	PlaceFlags string        // the same, only for a mount and a base path that are not the defaults
}

// Role holds the rights that a role needs.
type Role struct {
	Name     string
	Required bool // false: a token without the role's own rights is not a problem
	// Rights returns the role's rights for one provider, or for any ("").
	Rights func(provider string) []Right
}

// Right is a capability on a path.
type Right struct {
	Path, Capability string
	Own              bool // the role that this one builds on does not have it
}

// Examine yields the finding of each check, in order. It skips a check that requires a failed
// one. It ends when the loop ends.
func Examine(ctx context.Context, s Subject) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		x := &exam{Subject: s, unusable: map[string]string{}}
		defer x.close()
		for _, one := range x.checks() {
			if !yield(x.runCheck(ctx, one)) {
				return
			}
		}
	}
}

// exam is one run of the checks, with what it has found so far.
type exam struct {
	Subject
	unusable map[string]string // names of checks that others cannot rely on, with the reason; see check.requires

	client     *api.Client // without a token
	closeIdle  func()
	login      session.LoginInfo
	health     healthResult
	session    *session.Session
	facts      *tokenFacts // nil: unknown
	policies   []string    // of the token; known if facts are
	hasGeneral bool        // the token has rights for every provider; a policy for one provider would replace them there
	store      *kv.Store
	names      []string         // of the providers; nil: unknown
	badNames   []string         // listed names that vaultkit does not accept
	results    []providerStatus // of each provider; nil: not read yet
	complete   []string         // roles that the token has every right of
}

// healthResult is the result of the first request.
type healthResult struct {
	response  *api.HealthResponse
	secure    *tls.ConnectionState
	skew      time.Duration // of the local clock; positive: it is ahead of Vault's
	connected bool
	err       error
}

func (x *exam) close() {
	if x.session != nil {
		_ = x.session.Close() // never fails
	}
	if x.closeIdle != nil {
		x.closeIdle()
	}
}

// check is one check.
type check struct {
	name     string
	requires string // names of checks that must have succeeded
	run      func(ctx context.Context) Finding
	slow     bool // it takes longer with more providers, so it has no time limit as a whole
}

// unlimitedUses is in unusable if each request uses up the token. It is not the name of a
// check.
const unlimitedUses = "uses"

func (x *exam) checks() []check {
	all := []check{
		{"configuration", "", x.configuration, false},
		{"credentials", "", x.credentials, false},
		{"reach", "configuration", x.reach, false},
		{"tls", "reach", x.tls, false},
		{"server", "tls", x.server, false},
		{"clock", "tls", x.clock, false},
		{"login", "configuration credentials server", x.logIn, false},
		{"token", "login", x.token, false},
		{"mount", "login uses", x.mount, false},
		{"providers", "mount", x.providers, false},
		{"names", "mount providers", x.checkNames, false},
	}
	for _, role := range x.Roles {
		all = append(all, check{"rights:" + role.Name, "mount",
			func(ctx context.Context) Finding { return x.rights(ctx, role) }, true})
	}
	return append(all,
		check{"excess", "mount", x.excess, true},
		check{"audit", "login uses", x.audit, false},
		check{"deletion", "mount", x.deletion, true},
		check{"pending", "mount", x.pending, true})
}

func (x *exam) runCheck(ctx context.Context, c check) Finding {
	found := x.runUnlessSkipped(ctx, c).nameAdmin()
	found.Check = c.name
	if _, known := x.unusable[c.name]; found.Status == Failed && !known {
		x.unusable[c.name] = c.name + " failed"
	}
	return found
}

func (x *exam) runUnlessSkipped(ctx context.Context, c check) Finding {
	for name := range strings.FieldsSeq(c.requires) {
		if why, lost := x.unusable[name]; lost {
			x.unusable[c.name] = why
			return skipped("not checked: "+why, noFix)
		}
	}
	if err := ctx.Err(); err != nil {
		x.unusable[c.name] = "the time is up"
		return failed(&vaulterr.Error{Kind: vaulterr.Kind(err), Err: err}, "not checked: the time is up", noFix)
	}
	if !c.slow {
		bounded, cancel := context.WithTimeout(ctx, x.Timeout)
		defer cancel()
		ctx = bounded
	}
	return c.run(ctx)
}

func okay(detail string) Finding { return Finding{Status: OK, Detail: detail} }
func skipped(detail string, fix Fix) Finding {
	return Finding{Status: Skipped, Detail: detail, Fix: fix}
}
func warning(detail string, fix Fix) Finding {
	return Finding{Status: Warning, Detail: detail, Fix: fix}
}

// failed returns a finding with the error. Without a detail, the error's text is the detail.
func failed(err error, detail string, fix Fix) Finding {
	if _, own := errors.AsType[*vaulterr.Error](err); !own {
		err = &vaulterr.Error{Kind: vaulterr.Kind(err), Err: err}
	}
	return Finding{Status: Failed, Detail: cmp.Or(detail, errorText(err)), Fix: fix, Err: err}
}

// errorText returns an error's text without the program's name.
func errorText(err error) string { return strings.TrimPrefix(err.Error(), "vaultkit: ") }

// Package checks looks for what keeps a client from its work, one check after
// another, from the address to rotations that are left unfinished. It makes the
// same connection and the same login as a client, so that what it finds is what a
// service gets. It writes nothing.
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

// Status is what came of a check.
type Status string

// The states, the best first.
const (
	OK      Status = "ok"
	Skipped Status = "skipped" // not looked at; Detail says why
	Warning Status = "warning" // works, and will not for long, or is not safe
	Failed  Status = "failed"  // keeps a client from its work
)

// Finding is what one check found.
type Finding struct {
	Check  string
	Status Status
	Detail string
	Fix    Fix
	Err    error
}

// Subject is the client to be examined.
type Subject struct {
	OptionsError error // what is wrong with its options, if anything
	OptionsFix   Fix

	Address    string // as it was given
	TLSFiles   []string
	SkipVerify bool
	Connect    func() (client *api.Client, hangUp func(), err error)
	ViaProxy   bool // the proxy variables apply to it

	Login         session.Method // nil: none
	IgnoredLogins []string       // logins that this one won over unasked
	// Unwrap: log in even where that uses up a wrapping token.
	Unwrap bool

	Mount, Base string
	Roles       []Role
	Providers   []string // none: all of them
	// Harmful are the rights over a provider, or any, and over the mount, to change
	// or destroy: nobody should have those that no role of theirs has.
	Harmful func(provider string) []Right

	Logger     *slog.Logger
	Backoff    backoff.Backoff
	Timeout    time.Duration // of a check; of each request of those about every provider; that of pending rotations has none
	Flags      string        // what a vaultkit command in a fix needs, with a space before each
	PlaceFlags string        // likewise, for a mount and a base path that are not the usual
}

// Role is a kind of work, and the rights it needs.
type Role struct {
	Name     string
	Required bool // otherwise a token without the role's own rights is fine
	// Rights are the role's for one provider, or for any: "".
	Rights func(provider string) []Right
}

// Right is a capability at a path.
type Right struct {
	Path, Capability string
	Own              bool // the role has it beyond those it builds on
}

// Examine yields a finding for each check, in order. A check that depends on one
// that failed is skipped. Leaving the loop ends it.
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

// exam is one run, and what it knows so far.
type exam struct {
	Subject
	unusable map[string]string // checks without a good end, and why; see after

	client     *api.Client // without a token
	closeIdle  func()
	login      session.LoginInfo
	health     healthResult
	session    *session.Session
	facts      *tokenFacts // nil: not known
	policies   []string    // the token's, known with the facts
	hasGeneral bool        // the token has rights over every provider, which a policy for one would take away for that one
	store      *kv.Store
	names      []string         // of the providers; nil: not known
	badNames   []string         // names among them that vaultkit does not take
	results    []providerStatus // at each provider; nil: not looked at yet
	complete   []string         // roles whose every right the token has
}

// knock is what the first request found.
type healthResult struct {
	response  *api.HealthResponse
	secure    *tls.ConnectionState
	skew      time.Duration // of the local clock, if it is ahead of Vault's
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

// check is one look at something.
type check struct {
	name     string
	requires string // checks that must have gone well, by name
	run      func(ctx context.Context) Finding
	slow     bool // the more providers, the longer: not bounded as a whole
}

// limited is lost where each request uses up the token: no check, but like one.
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
			return skipped("not looked at: "+why, noFix)
		}
	}
	if err := ctx.Err(); err != nil {
		x.unusable[c.name] = "the time is up"
		return failed(&vaulterr.Error{Kind: vaulterr.Kind(err), Err: err}, "not looked at: the time is up", noFix)
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

// failed tells the error itself unless there is something better to say.
func failed(err error, detail string, fix Fix) Finding {
	if _, own := errors.AsType[*vaulterr.Error](err); !own {
		err = &vaulterr.Error{Kind: vaulterr.Kind(err), Err: err}
	}
	return Finding{Status: Failed, Detail: cmp.Or(detail, errorText(err)), Fix: fix, Err: err}
}

// textOf is an error without the program's name.
func errorText(err error) string { return strings.TrimPrefix(err.Error(), "vaultkit: ") }

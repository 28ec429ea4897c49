// Package doctor finds what prevents a client from its work, and names the command that
// fixes it.
//
// [Diagnose] takes the same options as vaultkit.New and checks everything in order: the
// address, TLS, the seal, the clock, the login, the token, the mount, the providers, the
// rights of each role:
//
//	for found := range doctor.Diagnose(ctx, doctor.Query{}, vaultkit.WithEnvironment()) {
//		if found.Status == doctor.Failed || found.Status == doctor.Warning {
//			log.Print(found.Status, " ", found.Check, ": ", found.Detail, "; fix: ", found.Fix)
//		}
//	}
//
// Query{} checks all providers, and that the token may read them. A [Query] can name providers,
// and the roles whose rights the token must have.
//
// Each [Finding] has the name of its check, a [Status], and a command that fixes the problem or
// shows where to look. [Failed] means that a client cannot work, and [Warning] that it works but
// may stop working or is not safe. [Skipped] means that the check was not possible.
//
// A service can run Diagnose when it starts: it writes nothing to Vault and reads no secret.
// docs/troubleshooting.md describes the checks; "vaultkit doctor" prints them.
package doctor

import (
	"context"
	"iter"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/checks"
	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/policy"
)

// Finding is the result of one check of [Diagnose].
type Finding struct {
	// Check is the name of the check: configuration, credentials, reach, tls, server,
	// clock, login, token, mount, providers, names, rights:<role>, excess, audit, deletion or
	// pending.
	Check string `json:"check"`
	// Status says how the check ended.
	Status Status `json:"status"`
	// Detail is what was found; never a secret.
	Detail string `json:"detail"`
	// Fix is a command of a shell that fixes the problem, or shows where to look. Empty: none.
	Fix string `json:"fix,omitempty"`
	// LookOnly reports that Fix does not fix the problem, and only shows where to look.
	LookOnly bool `json:"look_only,omitempty"`
	// Err is the error of a failed check, for errors.Is and errors.As; otherwise nil.
	Err error `json:"-"`
}

// Status is how a check ended.
type Status string

// The states, from best to worst.
const (
	OK      Status = "ok"      // works
	Skipped Status = "skipped" // not checked; Detail says why
	Warning Status = "warning" // works, but may stop working, or is not safe
	Failed  Status = "failed"  // prevents a client from its work
)

// Query says what [Diagnose] checks. The zero value checks what a reader needs.
type Query struct {
	// Providers are the providers to check. Empty: all that the list of providers contains.
	Providers []string
	// Roles are the roles whose rights the token must have. If it is empty, the token must have
	// the reader's rights, and either all or none of the rotator's.
	Roles []policy.Role
	// Unwrap allows Diagnose to use up a wrapping token. Without it, the login with such a token
	// and the checks that need the login are skipped.
	Unwrap bool
	// Args is what a vaultkit command in a Fix needs to find the same Vault, such as
	// " --mount team". Default: mount and base path, if they are not the defaults.
	Args string
}

// Diagnose checks everything that a client made with these options needs. It connects and
// logs in as vaultkit.New does, and yields a finding for each check, in order. A check that
// depends on one that failed is skipped. Diagnose returns no error: a check that fails yields a
// finding with the Status Failed and the error, for instance vaultkit.ErrPermissionDenied.
//
// The loop blocks until the next check has ended. Each check ends within 5 s (or Timeouts.Request,
// if that is less); the check for unfinished rotations ends with ctx. It is safe for concurrent use.
//
// It writes nothing to Vault, and reads no secret. Like every login, it costs one use of a
// secret id or token with a limited number of uses; if the uses of the token itself are
// counted, it stops after two. It does not use up a wrapping token (see Query.Unwrap). It needs
// no right beyond those that it checks; without some, it skips a check and says so.
func Diagnose(ctx context.Context, query Query, opts ...vaultkit.Option) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		s, err := settings.Read(opts)
		for found := range checks.Examine(ctx, query.subject(s, err)) {
			if s.FixFound != nil {
				s.FixFound(found.Check, string(found.Fix.Kind))
			}
			if !yield(newFinding(found)) {
				return
			}
		}
	}
}

func newFinding(found checks.Finding) Finding {
	return Finding{
		Check: found.Check, Status: Status(found.Status), Detail: found.Detail, Err: found.Err,
		Fix: found.Fix.Command, LookOnly: found.Fix.Command != "" && !found.Fix.Kind.Heals(),
	}
}

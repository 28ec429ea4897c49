package revokeold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Result is the result for one rotation, as --json prints it. All of revocation, skipped and
// error are null in a dry run, if the old keys would be revoked.
type Result struct {
	Provider   string               `json:"provider"`
	ID         string               `json:"id"`         // empty: the provider cannot be read
	Revocation *vaultkit.Revocation `json:"revocation"` // null: nothing is revoked
	Skipped    *string              `json:"skipped"`    // why nothing was tried
	Error      *string              `json:"error"`
	ExitCode   int                  `json:"exit_code"`
	version    int                  // the one that was replaced
	err        error
}

// revokeMany revokes the old keys of all rotations of the providers.
func (o *Options) revokeMany(ctx context.Context) error {
	var results []Result
	var printing error
	add := func(r Result) {
		results = append(results, r)
		if err := o.printOne(r); printing == nil {
			printing = err // continue: what is due must not depend on the output
		}
	}
	err := o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		plan, err := o.plan(ctx, client, add)
		if err != nil {
			return err
		}
		if err := o.confirm(ctx, plan); err != nil {
			return err
		}
		for i, one := range plan {
			result := o.revokePlanned(ctx, client, one)
			add(result)
			if result.err != nil && ctx.Err() != nil { // this result says so
				for _, next := range plan[i+1:] {
					add(skipped(next, notTried(ctx)))
				}
				break
			}
		}
		return nil //nolint:nilerr // the results have the errors
	})
	switch {
	case err != nil && len(results) == 0:
		return err
	case o.Print.JSON:
		printing = o.Print.Value(render.OrEmpty(results))
	case len(results) == 0:
		fmt.Fprintln(o.IO.Err, "Nothing to revoke: every rotation's old keys are recorded as revoked.")
	}
	if done := revoked(results); len(done) > 0 {
		printing = render.OutputError("the old keys are revoked of "+strings.Join(done, ", "), printing)
	}
	return errors.Join(err, printing, manyFailed(results))
}

// plan returns the rotations whose old keys are to be revoked. It adds the results of those that
// are skipped, and of providers that cannot be read.
func (o *Options) plan(ctx context.Context, client *vaultkit.Client, add func(Result)) (plan []candidate, err error) {
	none := true
	for status, err := range client.Status(ctx, vaultkit.StatusQuery{Providers: o.Providers}) {
		if status.Provider == "" {
			return nil, err
		}
		none = false
		var found []candidate
		if err == nil {
			found, err = o.candidates(ctx, client, status)
		}
		if err != nil {
			add(failed(Result{Provider: status.Provider}, err))
		}
		for _, one := range found {
			if one.skipped == "" {
				plan = append(plan, one)
				continue
			}
			add(skipped(one, one.skipped))
		}
	}
	if none { // a job with a wrong --base must not pass
		return nil, o.Vault.NoProviderError()
	}
	return plan, nil
}

func (o *Options) candidates(ctx context.Context, client *vaultkit.Client, status vaultkit.ProviderStatus) ([]candidate, error) {
	records, err := client.History(ctx, status.Provider)
	if err != nil {
		return nil, err
	}
	backups, err := client.Backups(ctx, status.Provider)
	if err != nil {
		return nil, err
	}
	about := provider{status, records, rotationid.OfBackups(backups)}
	return about.candidates(o.Now(), time.Duration(o.OlderThan)), nil
}

// confirm asks a person for confirmation.
func (o *Options) confirm(ctx context.Context, plan []candidate) error {
	if o.Yes || o.DryRun || len(plan) == 0 || !o.IO.CanAsk() {
		return nil
	}
	for _, one := range plan {
		fmt.Fprintf(o.IO.Err, "  %s version %d, replaced at %s\n", one.Provider, one.OldVersion, render.When(one.CommittedAt))
	}
	return o.IO.Confirm(ctx, fmt.Sprintf("Revoke these old keys for good (%d)?", len(plan)), "nothing was revoked")
}

// notTried returns why the rest of the plan was not tried, once ctx has ended.
func notTried(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "not tried: the time of --timeout was over"
	}
	return "not tried: vaultkit was stopped"
}

// revokePlanned revokes the old keys of one rotation, if they still qualify.
func (o *Options) revokePlanned(ctx context.Context, client *vaultkit.Client, one candidate) Result {
	result := newResult(one)
	if o.DryRun {
		return result
	}
	why, err := o.skipsNow(ctx, client, one)
	switch {
	case err != nil:
		return failed(result, err)
	case why != "":
		return skipped(one, "changed since the start: "+why)
	}
	revocation, err := client.RevokeOld(ctx, one.Provider, one.ID, o.revoker(one.Provider, one.ID), o.options()...)
	if errors.Is(err, vaultkit.ErrNoChange) {
		return skipped(one, "it replaced no key")
	}
	result.Revocation = revocation
	return failed(result, err)
}

// skipsNow returns why the keys of a planned rotation are not to be revoked any more; empty: they
// are. A rollback and a rotation since then let the old keys wait anew, although they are not in
// force, which is all that RevokeOld checks.
func (o *Options) skipsNow(ctx context.Context, client *vaultkit.Client, one candidate) (string, error) {
	for status, err := range client.Status(ctx, vaultkit.StatusQuery{Providers: []string{one.Provider}}) {
		if err != nil {
			return "", err
		}
		found, err := o.candidates(ctx, client, status)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(found, func(c candidate) bool { return c.ID == one.ID }); i >= 0 {
			return found[i].skipped, nil
		}
	}
	return "the keys are recorded as revoked", nil
}

func newResult(one candidate) Result {
	return Result{Provider: one.Provider, ID: one.ID, version: one.OldVersion}
}

func skipped(one candidate, why string) Result {
	result := newResult(one)
	result.Skipped = &why
	return result
}

// failed returns the result with an error; nil: it is a success.
func failed(r Result, err error) Result {
	if r.err, r.ExitCode = err, exitcode.Of(err); err != nil {
		text := exitcode.Text(err)
		r.Error = &text
	}
	return r
}

// printOne prints a result as soon as it is known.
func (o *Options) printOne(r Result) error {
	where := fmt.Sprintf("%s, version %d, id %s", r.Provider, r.version, r.ID)
	var err error
	switch {
	case o.Print.JSON: // all at once, in the end
	case r.err != nil:
		_, err = fmt.Fprintln(o.IO.Out, "Failed "+which(r)+terminal.Printable(exitcode.Text(r.err))) // which begins with the provider
	case r.Skipped != nil:
		_, err = fmt.Fprintln(o.IO.Out, "Skipped "+where+": "+*r.Skipped)
	case r.Revocation == nil:
		_, err = fmt.Fprintln(o.IO.Out, "Would revoke the old keys of "+where)
	default:
		_, err = fmt.Fprintln(o.IO.Out, "Revoked the old keys of "+where)
	}
	return err
}

// which returns the part of a failed result's line that its error does not say.
func which(r Result) string {
	if r.ID == "" {
		return ""
	}
	return fmt.Sprintf("version %d of ", r.version)
}

// revoked returns the providers and versions whose keys are revoked.
func revoked(results []Result) (names []string) {
	for _, r := range results {
		if r.Revocation != nil {
			names = append(names, fmt.Sprintf("%s version %d", r.Provider, r.version))
		}
	}
	return names
}

// manyFailed returns the error for the results that failed.
func manyFailed(results []Result) error {
	var names []string
	for _, r := range results {
		if r.err != nil {
			names = append(names, r.Provider)
		}
	}
	if len(names) == 0 {
		return nil
	}
	worst := mostSerious(results)
	err := exitcode.Summary(fmt.Sprintf("%d of %d revocations failed: %s", len(names), len(results), strings.Join(slices.Compact(names), ", ")), worst)
	if hint, ok := exitcode.Hint(withHint(worst)); ok {
		return exitcode.WithHint(err, hint)
	}
	return err
}

// severity is the order of exit codes, the most serious first. Others come after them.
var severity = []int{exitcode.Undetermined, exitcode.Unavailable, exitcode.Denied, exitcode.Conflict}

// mostSerious returns the error that decides the exit code.
func mostSerious(results []Result) (worst error) {
	for _, code := range severity {
		for _, r := range results {
			if r.ExitCode == code {
				return r.err
			}
		}
	}
	for _, r := range results {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

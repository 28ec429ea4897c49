package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Result is the result for one of several providers, as --json prints it.
type Result struct {
	Provider string             `json:"provider"`
	Rotation *vaultkit.Rotation `json:"rotation"` // null: nothing is committed
	Error    *string            `json:"error"`    // null: none
	ExitCode int                `json:"exit_code"`
	err      error
}

// rotateMany rotates several providers, each with its own random key.
func (o *Options) rotateMany(ctx context.Context) error {
	source, options := vaultkit.RandomKey(o.Field), o.options()
	var results []Result
	var printing error
	err := o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		if o.All {
			if o.Providers, err = client.Providers(ctx); err != nil {
				return err
			}
			if err := o.confirmAll(ctx); err != nil {
				return err
			}
		}
		step, done := o.IO.Progress("rotating", len(o.Providers))
		defer done()
		for one := range client.RotateAll(ctx, o.Parallel, o.Providers, source, options...) {
			o.noteUnverified(one.Rotation)
			result := newResult(one)
			results = append(results, result)
			// Continue even if printing fails: every rotation must be counted.
			printing = cmp.Or(printing, o.printOne(result))
			step()
		}
		return nil
	})
	switch {
	case err != nil:
	case o.Print.JSON:
		printing = o.Print.Value(render.OrEmpty(results))
	case len(results) == 0:
		fmt.Fprintln(o.IO.Err, render.NoProviders)
	}
	if done := committed(results); len(done) > 0 && !o.DryRun {
		printing = render.OutputError("committed and in force: "+strings.Join(done, ", "), printing)
	}
	return errors.Join(err, printing, o.manyFailed(results))
}

// committed returns the providers whose new secret is in force.
func committed(results []Result) (providers []string) {
	for _, r := range results {
		if r.Rotation != nil {
			providers = append(providers, r.Provider)
		}
	}
	return providers
}

func newResult(one vaultkit.RotateResult) Result {
	result := Result{Provider: one.Provider, Rotation: one.Rotation, ExitCode: exitcode.Of(one.Err), err: one.Err}
	if one.Err != nil {
		text := exitcode.Text(one.Err)
		result.Error = &text
	}
	return result
}

// printOne prints the result for a provider as soon as it is known; in a dry run, all
// that would be written.
func (o *Options) printOne(r Result) error {
	var err error
	switch {
	case o.Print.JSON: // all at once, in the end
	case r.err != nil:
		_, err = fmt.Fprintln(o.IO.Out, "Failed "+terminal.Printable(exitcode.Text(r.err))) // which begins with the provider
	case o.DryRun:
		err = o.Print.DryRun(r.Rotation, o.checks(r.Provider), o.Vault.Path)
	default:
		_, err = fmt.Fprintf(o.IO.Out, "Rotated %s, version %s, id %s\n", r.Provider, render.Versions(r.Rotation.Record), r.Rotation.ID)
		o.Print.Warnings(r.Rotation)
	}
	return err
}

// manyFailed returns the error for the rotations that failed.
func (o *Options) manyFailed(results []Result) error {
	var failed, undetermined []string
	var errs []error
	for _, r := range results {
		errs = append(errs, r.err)
		if r.err != nil {
			failed = append(failed, r.Provider)
		}
		if errors.Is(r.err, vaultkit.ErrUndetermined) {
			undetermined = append(undetermined, r.Provider)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	err := exitcode.Summary(fmt.Sprintf("%d of %d rotations failed: %s", len(failed), len(results), strings.Join(failed, ", ")), exitcode.Worst(errs))
	if len(undetermined) == 0 {
		return err
	}
	return exitcode.WithHint(err, render.RecoverHint(o.Vault.Args(), undetermined...))
}

// confirmAll asks for confirmation: no provider's API knows the new random keys.
func (o *Options) confirmAll(ctx context.Context) error {
	if o.Yes || o.DryRun || len(o.Providers) == 0 {
		return nil
	}
	return o.IO.Confirm(ctx, fmt.Sprintf("Replace the key of every provider at %s (number: %d) with a random key that no provider's API knows?",
		o.Vault.Path("providers"), len(o.Providers)), "nothing was rotated")
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// bulkResult is what became of one of many providers, as --json prints it.
type bulkResult struct {
	Provider string             `json:"provider"`
	Rotation *vaultkit.Rotation `json:"rotation"` // null: nothing is committed
	Error    *string            `json:"error"`    // null: none
	ExitCode int                `json:"exit_code"`
	err      error
}

// rotateMany rotates several providers, each with a random key of its own.
func (c *cli) rotateMany(cmd *cobra.Command, providers []string, f *rotateFlags) error {
	if err := c.checkMany(providers, f); err != nil {
		return err
	}
	source, options := vaultkit.RandomKey(f.field), c.rotateOptions(cmd, f)
	var results []bulkResult
	var printing error
	err := c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) (err error) {
		if f.all {
			if providers, err = client.Providers(ctx); err != nil {
				return err
			}
			if err := c.confirmAll(ctx, len(providers), f); err != nil {
				return err
			}
		}
		step, done := c.Progress("rotating", len(providers))
		defer done()
		for one := range client.RotateAll(ctx, f.parallel, providers, source, options...) {
			result := newBulkResult(one)
			results = append(results, result)
			// On with the rest when nobody reads: what was rotated must be counted.
			printing = cmp.Or(printing, c.showOneOfMany(result, f))
			step()
		}
		return nil
	})
	switch {
	case err != nil:
	case c.JSON:
		printing = c.Value(render.OrEmpty(results))
	case len(results) == 0:
		fmt.Fprintln(c.Err, render.NoProviders)
	}
	if done := committed(results); len(done) > 0 && !f.dryRun {
		printing = render.OutputError("committed and in force: "+strings.Join(done, ", "), printing)
	}
	return errors.Join(err, printing, c.manyFailed(results))
}

// committed are the providers whose new secret is in force.
func committed(results []bulkResult) (providers []string) {
	for _, r := range results {
		if r.Rotation != nil {
			providers = append(providers, r.Provider)
		}
	}
	return providers
}

func (c *cli) checkMany(providers []string, f *rotateFlags) error {
	switch {
	case !f.auto:
		return exitcode.UsageErrorf("many providers need --auto, which makes a key for each: a given key is the key of one")
	case f.all && (len(providers) > 0 || f.provider != ""):
		return exitcode.UsageErrorf("--all is every provider: name none besides")
	case f.provider != "":
		return exitcode.UsageErrorf("name several providers as arguments, without --provider")
	case f.all && !f.yes && !f.dryRun && !c.CanAsk():
		return exitcode.UsageErrorf("--all replaces the key of every provider: add --yes")
	case f.parallel < 1:
		return exitcode.UsageErrorf("--parallel must be at least 1")
	}
	return nil
}

func newBulkResult(one vaultkit.BulkRotation) bulkResult {
	result := bulkResult{Provider: one.Provider, Rotation: one.Rotation, ExitCode: exitcode.Of(one.Err), err: one.Err}
	if one.Err != nil {
		text := exitcode.Text(one.Err)
		result.Error = &text
	}
	return result
}

// showOneOfMany prints a line for a provider as soon as its turn comes, or the
// whole plan in a dry run.
func (c *cli) showOneOfMany(r bulkResult, f *rotateFlags) error {
	var err error
	switch {
	case c.JSON: // all at once, in the end
	case r.err != nil:
		_, err = fmt.Fprintln(c.Out, "Failed "+terminal.Printable(exitcode.Text(r.err))) // which begins with the provider
	case f.dryRun:
		err = c.DryRun(r.Rotation, f.checks(), c.Path)
	default:
		_, err = fmt.Fprintf(c.Out, "Rotated %s, version %s, id %s\n", r.Provider, render.Versions(r.Rotation.Record), r.Rotation.ID)
		c.Warnings(r.Rotation)
	}
	return err
}

// manyError is the failure of some of many. The one it wraps decides the exit code.
type manyError struct {
	text string
	err  error
}

func (e *manyError) Error() string { return e.text }
func (e *manyError) Unwrap() error { return e.err }

// manyFailed is the error of those that failed.
func (c *cli) manyFailed(results []bulkResult) error {
	var failed, undetermined []string
	for _, r := range results {
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
	err := &manyError{fmt.Sprintf("%d of %d rotations failed: %s", len(failed), len(results), strings.Join(failed, ", ")), worst(results)}
	if len(undetermined) == 0 {
		return err
	}
	return exitcode.WithHint(err, render.SettleHint(c.Args(), undetermined...))
}

// worst is the first error after which nobody knows yet what Vault holds, or else
// the first of all.
func worst(results []bulkResult) (first error) {
	for _, r := range results {
		if errors.Is(r.err, vaultkit.ErrUndetermined) {
			return r.err
		}
		first = cmp.Or(first, r.err)
	}
	return first
}

// confirmAll asks before every key is replaced by one that no provider's API knows.
func (c *cli) confirmAll(ctx context.Context, providers int, f *rotateFlags) error {
	if f.yes || f.dryRun || providers == 0 {
		return nil
	}
	return c.Confirm(ctx, fmt.Sprintf("Replace the key of every provider at %s (%d of them) by a random one, which no provider's API knows?",
		c.Path("providers"), providers), "nothing was rotated")
}

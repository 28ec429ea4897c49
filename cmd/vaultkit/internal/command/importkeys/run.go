package importkeys

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/envreader"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// mostNames is the largest number of names in one line.
const mostNames = 20

// Run reads everything, shows the plan, asks, and writes.
func Run(ctx context.Context, o *Options) error {
	var items []envreader.Item
	if o.File != "" {
		var err error
		if items, err = o.readFile(ctx); err == nil {
			err = o.confirmable()
		}
		if err != nil {
			return err
		}
	}
	return o.Vault.WithAnswers(ctx, func(client *vaultkit.Client) error {
		steps, rest, err := o.planItems(ctx, client, items)
		if err != nil {
			return err
		}
		refused := o.refused(steps)
		if o.DryRun || refused != nil {
			return errors.Join(refused, o.printPlan(o.planned(steps, rest)))
		}
		if err := o.confirm(ctx, steps, rest); err != nil {
			return err
		}
		summary := o.write(ctx, client, steps, rest)
		printing := render.OutputError(summary.done(), o.printSummary(summary))
		o.advise(summary)
		return errors.Join(o.failed(summary), printing)
	})
}

// planItems maps the items of the file, or of the path, and compares them with Vault.
func (o *Options) planItems(ctx context.Context, client *vaultkit.Client, items []envreader.Item) ([]*step, []leftOut, error) {
	ctx, cancel := o.Vault.WithTimeout(ctx)
	defer cancel()
	if o.FromPath != "" {
		var err error
		if items, err = o.readPath(ctx, client); err != nil {
			return nil, nil, err
		}
	}
	existing, err := client.Providers(ctx)
	if err != nil && !errors.Is(err, vaultkit.ErrPermissionDenied) {
		return nil, nil, err
	}
	targets, rest, err := o.mapItems(items, existing)
	if err == nil {
		err = o.checkMapped(targets, rest)
	}
	if err != nil {
		return nil, nil, err
	}
	steps, err := o.plan(ctx, client, targets)
	return steps, rest, err
}

// checkMapped refuses a file without anything to import, and with --unmapped fail one with
// anything else in it.
func (o *Options) checkMapped(targets []*target, rest []leftOut) error {
	var unmapped []string
	for _, one := range rest {
		if one.unmapped() {
			unmapped = append(unmapped, one.Name)
		}
	}
	names := ""
	if len(unmapped) > 0 {
		names = ": " + namelist.First(unmapped, mostNames)
	}
	const hint = "name the place of each with --map NAME=PROVIDER/FIELD, or leave it out with --map NAME="
	switch {
	case len(targets) == 0:
		return exitcode.Invalid("there is nothing to import", "because no variable is the name of a provider's field"+names, hint)
	case o.Unmapped == unmappedFail && len(unmapped) > 0:
		return exitcode.Invalid("these variables", "belong to no provider"+names, hint)
	}
	return nil
}

// confirm shows the plan, and asks if anything would be written.
func (o *Options) confirm(ctx context.Context, steps []*step, rest []leftOut) error {
	writes := 0
	for _, s := range steps {
		if s.action == actionCreate || s.action == actionRotate {
			writes++
		}
	}
	if o.Yes || writes == 0 {
		return nil
	}
	if err := o.showPlan(o.IO.Err, o.planned(steps, rest)); err != nil {
		return err
	}
	return o.IO.Confirm(ctx, fmt.Sprintf("Import %d of %d providers into %s?", writes, len(steps), o.Vault.Path("providers")), "nothing was imported")
}

// write carries out the plan. If one provider fails, the others continue, except after the timeout
// or an interruption.
func (o *Options) write(ctx context.Context, client *vaultkit.Client, steps []*step, rest []leftOut) *Summary {
	ctx, cancel := o.Vault.WithTimeout(ctx)
	defer cancel()
	summary := o.planned(steps, rest)
	count, done := o.IO.Progress("importing", len(steps))
	defer done()
	for i, s := range steps {
		summary.Providers[i].finish(o.writeOne(ctx, client, s))
		count()
	}
	return summary
}

// result is the outcome of one provider.
type result struct {
	outcome string
	version int
	id      string // of a rotation
	err     error
}

func (o *Options) writeOne(ctx context.Context, client *vaultkit.Client, s *step) result {
	switch {
	case s.action == actionUnchanged:
		return result{outcome: outcomeUnchanged}
	case s.action == actionSkip:
		return result{outcome: outcomeSkipped}
	case ctx.Err() != nil:
		return result{outcome: outcomeNotWritten, err: fmt.Errorf("%s: not written: %w", s.provider, ctx.Err())}
	case s.action == actionRotate:
		return o.rotated(o.rotate(ctx, client, s, s.ifStillStored(client)...))
	}
	version, err := client.PutProviderKeys(ctx, s.provider, s.keys)
	if errors.Is(err, vaultkit.ErrConflict) || errors.Is(err, vaultkit.ErrDeleted) {
		return o.createdMeanwhile(ctx, client, s, err)
	}
	return result{outcomeOf(err, outcomeCreated), version, "", err}
}

func (o *Options) rotated(rotation *vaultkit.Rotation, err error) result {
	if errors.Is(err, vaultkit.ErrNoChange) {
		return result{outcome: outcomeUnchanged} // another program has stored the same values
	}
	done := result{outcome: outcomeOf(err, outcomeRotated), err: err}
	if rotation != nil {
		done.version, done.id = rotation.NewVersion, rotation.ID
		o.Print.Warnings(rotation)
	}
	return done
}

// ifStillStored makes a rotation fail if another program has changed the secret since the plan. A
// change after this check makes it fail too, because the rotation has read the secret before.
func (s *step) ifStillStored(client *vaultkit.Client) []vaultkit.RotateOption {
	if s.stored == nil {
		return nil
	}
	return []vaultkit.RotateOption{vaultkit.WithVerify(func(ctx context.Context, _ vaultkit.Target, _ vaultkit.ProviderKeys) error {
		now, err := client.GetProviderKeys(ctx, s.provider)
		if err == nil && !maps.Equal(now, s.stored) {
			err = &vaultkit.Error{Kind: vaultkit.ErrConflict, Detail: "another program has changed the secret since import read it",
				Hint: "run the same import again"}
		}
		return err
	})}
}

// createdMeanwhile handles a provider that the plan did not find: another program created it, or
// the token cannot read it.
func (o *Options) createdMeanwhile(ctx context.Context, client *vaultkit.Client, s *step, failed error) result {
	if stored, err := client.GetProviderKeys(ctx, s.provider); err == nil && holds(stored, s.keys) {
		return result{outcome: outcomeUnchanged}
	}
	if o.OnConflict == conflictSkip {
		return result{outcome: outcomeSkipped}
	}
	return result{outcome: outcomeNotWritten, err: failed}
}

// outcomeOf returns the outcome of a write with this error.
func outcomeOf(err error, done string) string {
	switch {
	case err == nil:
		return done
	case errors.Is(err, vaultkit.ErrUndetermined):
		return outcomeUndetermined
	}
	return outcomeNotWritten
}

// failed returns the error for the providers that were not imported.
func (o *Options) failed(summary *Summary) error {
	var names, unknown []string
	var errs []error
	for _, p := range summary.Providers {
		if p.err != nil {
			names, errs = append(names, p.Provider), append(errs, p.err)
		}
		if p.Action == actionRotate && p.Outcome == outcomeUndetermined {
			unknown = append(unknown, p.Provider)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	text := fmt.Sprintf("%d of %d providers failed: %s", len(errs), len(summary.Providers), namelist.First(names, mostNames))
	hint := "What is stored stays. To import the rest, run the same import again."
	if len(unknown) > 0 {
		hint = render.RecoverHint(o.Vault.Args(), unknown...) + "\n" + hint
	}
	return exitcode.WithHint(exitcode.Summary(text, exitcode.Worst(errs)), hint)
}

// advise says what is left to do with the file.
func (o *Options) advise(summary *Summary) {
	var missing []string
	for _, one := range summary.NotImported {
		missing = append(missing, one.Name)
	}
	stored := 0
	for _, p := range summary.Providers {
		if p.Outcome != outcomeSkipped && p.err == nil {
			stored += len(p.Fields)
			continue
		}
		for _, field := range p.Fields {
			missing = append(missing, field.From)
		}
	}
	file := terminal.Printable(o.File)
	switch {
	case o.File == "" || o.File == "-" || stored == 0:
	case len(missing) == 0:
		fmt.Fprintf(o.IO.Err, "Everything in %s is in Vault now. Delete the file.\n", file)
	default:
		fmt.Fprintf(o.IO.Err, "Remove what is in Vault now from %s. Not in Vault: %s.\n",
			file, terminal.Printable(namelist.First(missing, mostNames)))
	}
}

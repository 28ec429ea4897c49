// Package status implements vaultkit status, which shows how old keys are.
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
)

const long = `Show how old each provider's key is, when it expires, and which rotations crashed
or are still running. Without arguments, status shows every provider. It reads no
secret: a token with the policy of the monitor role is enough.

A key is due if
  - its recorded expiry (rotate --expires-in) has passed or is within --due-within,
  - it has been in force for longer than --max-age, or
  - it is deleted, or Vault will delete it within --due-within (delete_version_after).
If a key is due, the exit code is 3, so that a nightly job can send an alert. A usual
choice is to rotate every 90 days in production (--max-age 90d).

If status cannot read a provider, it prints the error to stderr and continues with the
others; the exit code is that of the first such error. If there is no provider at all,
the exit code is 4, so that a job with a wrong --base does not pass.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Providers         []string // empty: all
	DueWithin, MaxAge flagtype.Duration
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps, DueWithin: flagtype.Duration(7 * flagtype.Day)}
	cmd := &cobra.Command{
		Use:   "status [PROVIDER...]",
		Short: "Show how old keys are, and which are due for rotation",
		Long:  long,
		Example: "  vaultkit status --max-age 90d\n" +
			"  vaultkit status openai-gpt4 --due-within 2w --json",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Providers = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().Var(&o.DueWithin, "due-within", "a key is due this `time` before its recorded expiry, or before Vault deletes it, such as 2w")
	cmd.Flags().Var(&o.MaxAge, "max-age",
		"a key is due when it has been in force for longer than this `time`, such as 90d (default: no limit)")
	return cmd
}

// Run prints the status of the providers. It returns an error if a key is due.
func Run(ctx context.Context, o *Options) error {
	found, first, err := o.read(ctx)
	switch {
	case err != nil:
		return err
	case first != nil && len(found) == 0:
		return first
	}
	if err := cmp.Or(o.print(found), first); err != nil {
		return err
	}
	if len(found) == 0 && len(o.Providers) == 0 {
		return o.Vault.NoProviderError()
	}
	return dueError(found)
}

// read returns the status of the providers, and the first error of a provider that
// cannot be read. It prints further errors.
func (o *Options) read(ctx context.Context) (found []vaultkit.ProviderStatus, first, err error) {
	query := vaultkit.StatusQuery{Providers: o.Providers, DueWithin: time.Duration(o.DueWithin), MaxAge: time.Duration(o.MaxAge)}
	err = o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		step, done, err := o.progress(ctx, client)
		if err != nil {
			return err
		}
		defer done()
		for one, err := range client.Status(ctx, query) {
			switch {
			case err == nil:
				found = append(found, one)
			case one.Provider == "", ctx.Err() != nil: // the last result
				return err
			case first == nil:
				first = err // printed at the end
			default:
				o.IO.PrintError(err)
			}
			step()
		}
		return nil
	})
	return found, first, err
}

// progress starts the progress bar. It lists the providers to count them, but only if a
// person watches.
func (o *Options) progress(ctx context.Context, client *vaultkit.Client) (step, done func(), err error) {
	providers := o.Providers
	if o.IO.Watched() && len(providers) == 0 {
		if providers, err = client.Providers(ctx); err != nil {
			return nil, nil, err
		}
	}
	step, done = o.IO.Progress("reading", len(providers))
	return step, done, nil
}

// print prints the table, or as JSON the fields of vaultkit.ProviderStatus by their tags.
func (o *Options) print(found []vaultkit.ProviderStatus) error {
	if o.Print.JSON {
		return o.Print.Value(render.OrEmpty(found))
	}
	if len(found) == 0 {
		return nil
	}
	t := o.Print.Table("", "PROVIDER", "VERSION", "AGE", "EXPIRES", "DUE", "NOTE")
	for _, s := range found {
		t.Row(s.Provider, strconv.Itoa(s.Version), ageOf(s.InForceFrom, o.Now()), render.When(s.ExpiresAt), s.Due, note(s, o.Now()))
	}
	return t.Flush()
}

// ageOf returns the age of a key; empty: there is no version.
func ageOf(inForceFrom, now time.Time) string {
	if inForceFrom.IsZero() {
		return ""
	}
	return roughly(now.Sub(inForceFrom))
}

// roughly returns an age in its largest useful unit: "12d", "5h" or "3m".
func roughly(age time.Duration) string {
	switch {
	case age >= 2*flagtype.Day:
		return fmt.Sprintf("%dd", age/flagtype.Day)
	case age >= 2*time.Hour:
		return fmt.Sprintf("%dh", age/time.Hour)
	}
	return fmt.Sprintf("%dm", max(0, age)/time.Minute) // clocks differ
}

// note returns what is unusual about a provider.
func note(s vaultkit.ProviderStatus, now time.Time) string {
	var notes []string
	switch {
	case s.Destroyed:
		notes = append(notes, "destroyed")
	case s.DeletedAt.After(now):
		notes = append(notes, "will be deleted at "+render.When(s.DeletedAt))
	case !s.DeletedAt.IsZero():
		notes = append(notes, "deleted at "+render.When(s.DeletedAt))
	}
	if !s.LastExpiry.IsZero() {
		notes = append(notes, "no recorded expiry; an earlier version's was "+render.When(s.LastExpiry))
	}
	if len(s.Pending) > 0 {
		notes = append(notes, fmt.Sprintf("%d pending: vaultkit recover %s", len(s.Pending), s.Provider))
	}
	return strings.Join(notes, "; ")
}

// dueError returns an error if any key is due for rotation.
func dueError(found []vaultkit.ProviderStatus) error {
	due, deleted := 0, 0
	for _, s := range found {
		switch s.Due {
		case "":
			continue
		case "deleted", "deletion":
			deleted++
		}
		due++
	}
	if due == 0 {
		return nil
	}
	text := fmt.Sprintf("due for rotation: %d of %d keys", due, len(found))
	if deleted > 0 {
		text += fmt.Sprintf("; %d deleted, or about to be", deleted)
	}
	return exitcode.WithCode(errors.New(text), exitcode.Due)
}

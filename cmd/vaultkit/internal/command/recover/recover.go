// Package recover implements vaultkit recover, which finds out what happened to
// rotations that crashed.
package recover

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
)

const long = `Find out what happened to every rotation that has no audit record because the program
or the connection failed, and write the record if the outcome is certain. recover never
changes a provider's secret. You can run it at any time and as often as you like.
Without arguments it checks every provider. To finish a rotation that stays undecided,
run the same rotation again; to close it, run vaultkit abort.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Providers []string // empty: all
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	return &cobra.Command{
		Use:     "recover [PROVIDER...]",
		Short:   "Find out what happened to rotations that crashed, and record it",
		Long:    long,
		Example: "  vaultkit recover\n  vaultkit recover openai-gpt4 local-llama --json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), &Options{Deps: deps, Providers: args})
		},
	}
}

// Run recovers the providers, and prints the outcomes.
func Run(ctx context.Context, o *Options) error {
	return o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		found, err := client.Recover(ctx, o.Providers...)
		if err == nil && len(found) == 0 {
			err = o.Vault.RequireProvider(ctx, client, o.Providers...)
		}
		if err != nil && len(found) == 0 {
			return err
		}
		return errors.Join(err, render.OutputError("the outcomes that are certain are recorded, and no secret was changed", o.print(found)))
	})
}

func (o *Options) print(found []vaultkit.Resolution) error {
	if o.Print.JSON {
		return o.Print.Value(render.OrEmpty(found))
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(o.IO.Out, "Nothing to recover: every rotation has its record.")
		return err
	}
	t := o.Print.Table("", "PROVIDER", "OUTCOME", "WHICH MEANS", "ID")
	for _, r := range found {
		id := r.ID
		if t.Aligned() {
			id = rotationid.Short(id)
		}
		t.Row(r.Provider, string(r.Outcome), meaning(r.Outcome), id)
	}
	return t.Flush()
}

// meaning returns an explanation of an outcome.
func meaning(outcome vaultkit.Outcome) string {
	switch outcome {
	case vaultkit.OutcomeCommitted:
		return "the new secret was stored; now recorded"
	case vaultkit.OutcomeAborted:
		return "the new secret was never stored; now recorded"
	case vaultkit.OutcomeUndecided:
		return "the new secret is not stored: the rotation still runs or crashed; run it again, or close it with vaultkit abort"
	case vaultkit.OutcomeRecreated:
		return "the provider was deleted and created again since; vaultkit abort closes it"
	case vaultkit.OutcomeUnknown:
		return "unknown: later writes removed the evidence; the backup stays; vaultkit abort closes it"
	}
	return string(outcome)
}

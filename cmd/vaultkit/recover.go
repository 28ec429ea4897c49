package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

const recoverLong = `Find out what became of every rotation that has no audit record, because the
program or the connection died, and write the record where the answer is certain.
A provider's secret is never changed. It may run at any time and again; without
arguments it looks at every provider. What stays undecided is finished by running
the same rotation again, or closed by vaultkit abort.`

func (c *cli) recoverCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "recover [PROVIDER...]",
		Short:   "Settle what crashed rotations left behind",
		Long:    recoverLong,
		Example: "  vaultkit recover\n  vaultkit recover openai-gpt4 local-llama --json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
				found, err := client.Recover(ctx, args...)
				if err == nil && len(found) == 0 {
					err = c.RequireProvider(ctx, client, args...)
				}
				if err != nil && len(found) == 0 {
					return err
				}
				return errors.Join(err, render.OutputError("what could be settled is recorded, and no secret was changed", c.showResolutions(found)))
			})
		},
	}
}

func (c *cli) showResolutions(found []vaultkit.Resolution) error {
	if c.JSON {
		return c.Value(render.OrEmpty(found))
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(c.Out, "Nothing to settle: every rotation has its record.")
		return err
	}
	t := terminal.NewTable(c.Out, "", "PROVIDER", "OUTCOME", "WHICH MEANS", "ID")
	for _, r := range found {
		id := r.ID
		if t.Aligned() {
			id = rotationid.Short(id)
		}
		t.Row(r.Provider, string(r.Outcome), meaning(r.Outcome), id)
	}
	return t.Flush()
}

// meaning says an outcome in words.
func meaning(outcome vaultkit.Outcome) string {
	switch outcome {
	case vaultkit.Committed:
		return "the new secret was stored; now recorded"
	case vaultkit.Aborted:
		return "the new secret was never stored; now recorded"
	case vaultkit.Undecided:
		return "not stored so far: still running, or crashed before; run the rotation again, or vaultkit abort it"
	case vaultkit.Recreated:
		return "the provider was deleted and created anew since; vaultkit abort closes it"
	case vaultkit.Unknown:
		return "later writes have removed the evidence; the backup stays; vaultkit abort closes it"
	}
	return string(outcome)
}

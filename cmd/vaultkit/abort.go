package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const abortLong = `Close a rotation that vaultkit recover leaves undecided. The current secret is
written again as it is, as a version of its own: then a commit that is still on its
way can never be applied, and the rotation is recorded as aborted. One that recover
reports as unknown or recreated is recorded as unknown.

A rotation that turns out committed is not undone: the exit code is 5, and rollback
is the command for it. An id that nobody began is exit code 4. After exit code 8,
run the same again.

` + rotationid.Help

func (c *cli) abortCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "abort PROVIDER ID",
		Short:   "Close a rotation that crashed before its commit",
		Long:    abortLong,
		Example: "  vaultkit abort openai-gpt4 ID   # an id from: vaultkit recover openai-gpt4",
		Args:    usage.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var rotation *vaultkit.Rotation
			id := args[1]
			err := c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) (err error) {
				if id, err = rotationid.OfRotation(ctx, c.Connection, client, args[0], id); err == nil {
					rotation, err = client.Abort(ctx, args[0], id)
				}
				return err
			})
			if err != nil {
				return c.explainAbort(args[0], id, rotation, err)
			}
			return render.OutputError("the rotation is closed, and that is recorded", c.Rotation(abortHeadline(rotation), rotation))
		},
	}
}

func abortHeadline(r *vaultkit.Rotation) string {
	switch {
	case r.Outcome == vaultkit.Unknown:
		return "Closed the rotation of " + r.Provider + ": whether it was applied cannot be known any more."
	case r.Resumed:
		return "The rotation of " + r.Provider + " was recorded as aborted before. It can never be applied."
	}
	return "Aborted the rotation of " + r.Provider + ". It can never be applied."
}

// explainAbort says after a failed abort what became of the rotation.
func (c *cli) explainAbort(provider, id string, r *vaultkit.Rotation, err error) error {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return exitcode.WithHint(err, "It is not known yet whether the rotation can still be applied.\n"+
			"To settle it, run again: vaultkit abort "+provider+" "+id+c.Args())

	case errors.Is(err, vaultkit.ErrConflict) && r != nil:
		return exitcode.WithHint(err, fmt.Sprintf("It is committed, version %s, so there is nothing to abort.\n"+
			"To undo it, run: vaultkit rollback %s --to %s%s", render.Versions(r.Record), provider, id, c.Args()))

	}
	return err
}

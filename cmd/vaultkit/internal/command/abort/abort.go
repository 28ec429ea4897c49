// Package abort implements vaultkit abort, which closes a rotation that crashed.
package abort

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `Close a rotation that vaultkit recover reports as undecided. abort writes the current
secret again as a new version, so that Vault refuses the rotation's commit if it arrives
later, and records the rotation as aborted. A rotation that recover reports as unknown
or recreated is recorded as unknown.

If the rotation is already committed, abort does not change the secret and the exit code
is 5; to restore the old secret, run vaultkit rollback. If no rotation has this id, the
exit code is 4. After exit code 8, run the same command again.

` + rotationid.Help

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Provider string
	ID       string // or a part of it
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	return &cobra.Command{
		Use:               "abort PROVIDER ID",
		Short:             "Close a rotation that crashed before its commit",
		Long:              long,
		Example:           "  vaultkit abort openai-gpt4 ID   # an id from: vaultkit recover openai-gpt4",
		Args:              usage.Exactly(2),
		ValidArgsFunction: deps.Complete.Arguments(vaultkit.OutcomeUndecided),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), &Options{Deps: deps, Provider: args[0], ID: args[1]})
		},
	}
}

// Run closes the rotation.
func Run(ctx context.Context, o *Options) error {
	var rotation *vaultkit.Rotation
	id := o.ID
	err := o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		if id, err = rotationid.OfRotation(ctx, o.Vault, client, o.Provider, id); err == nil {
			rotation, err = client.Abort(ctx, o.Provider, id)
		}
		return err
	})
	if err != nil {
		return o.failure(id, rotation, err)
	}
	return render.OutputError("the rotation is closed and has its record", o.Print.Rotation(headline(rotation), rotation))
}

func headline(r *vaultkit.Rotation) string {
	switch {
	case r.Outcome == vaultkit.OutcomeUnknown:
		return "Closed the rotation of " + r.Provider + ". It is no longer possible to find out whether it was applied."
	case r.Resumed:
		return "The rotation of " + r.Provider + " is already recorded as aborted. It can never be applied."
	}
	return "Aborted the rotation of " + r.Provider + ". It can never be applied."
}

// failure adds to the error of an abort what happened to the rotation.
func (o *Options) failure(id string, r *vaultkit.Rotation, err error) error {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return exitcode.WithHint(err, "It is not known yet whether the rotation can still be applied.\n"+
			"To find out, run again: vaultkit abort "+o.Provider+" "+id+o.Vault.Args())
	case errors.Is(err, vaultkit.ErrConflict) && r != nil:
		return exitcode.WithHint(err, fmt.Sprintf("It is committed, version %s, so there is nothing to abort.\n"+
			"To restore the old secret, run: vaultkit rollback %s --to %s%s", render.Versions(r.Record), o.Provider, id, o.Vault.Args()))
	}
	return err
}

// Package list implements vaultkit list, which lists the providers.
package list

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// Options are the arguments and flags of the command.
type Options struct{ command.Deps }

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the providers",
		Long:    "List the providers that have a secret, sorted, one per line. No secret is read.",
		Example: "  vaultkit list\n  vaultkit list --json",
		Args:    usage.None,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), &Options{deps}) },
	}
}

// Run lists the providers.
func Run(ctx context.Context, o *Options) error {
	return o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		names, err := client.Providers(ctx)
		if err != nil {
			return err
		}
		return o.print(names)
	})
}

func (o *Options) print(names []string) error {
	if o.Print.JSON {
		return o.Print.Value(render.OrEmpty(names))
	}
	if len(names) == 0 {
		fmt.Fprintln(o.IO.Err, render.NoProviders)
		return nil
	}
	_, err := fmt.Fprintln(o.IO.Out, strings.Join(names, "\n"))
	return err
}

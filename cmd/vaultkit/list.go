package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

func (c *cli) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the providers",
		Long:    "List the providers that have a secret, one name a line, sorted. No secret is read.",
		Example: "  vaultkit list\n  vaultkit list --json",
		Args:    usage.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
				names, err := client.Providers(ctx)
				if err != nil {
					return err
				}
				return c.showNames(names)
			})
		},
	}
}

func (c *cli) showNames(names []string) error {
	if c.JSON {
		return c.Value(render.OrEmpty(names))
	}
	if len(names) == 0 {
		fmt.Fprintln(c.Err, render.NoProviders)
		return nil
	}
	_, err := fmt.Fprintln(c.Out, strings.Join(names, "\n"))
	return err
}

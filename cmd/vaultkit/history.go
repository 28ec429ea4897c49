package main

import (
	"context"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

func (c *cli) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history PROVIDER",
		Short: "Show a provider's audit records, newest first",
		Long: `Show the audit records of the provider's rotations and rollbacks, newest first:
who changed what, when, why, whether it was applied, and when the old key was
revoked. --json shows all of it, with the ids that Vault's own audit log has for the
same requests.`,
		Example: "  vaultkit history openai-gpt4\n  vaultkit history openai-gpt4 --json",
		Args:    usage.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
				records, err := client.History(ctx, args[0])
				if err == nil && len(records) == 0 {
					err = c.RequireProvider(ctx, client, args[0])
				}
				if err != nil {
					return err
				}
				return c.History(args[0], records)
			})
		},
	}
}

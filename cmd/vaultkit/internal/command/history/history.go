// Package history implements vaultkit history, which shows the audit records of a
// provider.
package history

import (
	"context"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Provider string
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	return &cobra.Command{
		Use:   "history PROVIDER",
		Short: "Show a provider's audit records, newest first",
		Long: `Show the audit records of the provider's rotations and rollbacks, newest first:
who changed what, when, why, whether it was applied, and when the old key was
revoked. --json shows every field of a record, with the ids of its requests in Vault's
audit log.`,
		Example: "  vaultkit history openai-gpt4\n  vaultkit history openai-gpt4 --json",
		Args:    usage.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), &Options{Deps: deps, Provider: args[0]})
		},
	}
}

// Run shows the records of a provider.
func Run(ctx context.Context, o *Options) error {
	return o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		records, err := client.History(ctx, o.Provider)
		if err == nil && len(records) == 0 {
			err = o.Vault.RequireProvider(ctx, client, o.Provider)
		}
		if err != nil {
			return err
		}
		return o.Print.History(o.Provider, records)
	})
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
)

const rollbackLong = `Write the secret of a backup back, whole. It is a rotation of its own: what it
replaces is backed up, and it is recorded.

Without --to it undoes the newest rotation. When the current secret came from a
rollback, or from somebody else, it asks for --to instead of guessing.`

func (c *cli) rollbackCommand() *cobra.Command {
	var to string
	var claims claims
	cmd := &cobra.Command{
		Use:     "rollback PROVIDER",
		Short:   "Bring back the secret a rotation replaced",
		Long:    rollbackLong,
		Example: "  vaultkit rollback openai-gpt4 --reason 'new key is rejected'\n  vaultkit rollback openai-gpt4 --to ID   # an id from: vaultkit backups openai-gpt4",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options := claims.options(cmd)
			var rotation *vaultkit.Rotation
			err := c.withClient(cmd, func(ctx context.Context, client *vaultkit.Client) (err error) {
				rotation, err = client.Rollback(ctx, args[0], to, options...)
				return err
			})
			if err != nil {
				return c.explain(cmd, args[0], rotation, err)
			}
			return c.showRotation("Rolled back", rotation, false)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "`id` of the backup to bring back (default: the one of the newest rotation)")
	claims.addFlags(cmd)
	return cmd
}

package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
)

func (c *cli) backupsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backups PROVIDER",
		Short: "List a provider's backups, newest first",
		Long: `List what rotations of the provider have backed up, newest first. The id names a
backup for vaultkit rollback --to. No secret is read.`,
		Example: "  vaultkit backups openai-gpt4\n  vaultkit backups openai-gpt4 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *vaultkit.Client) error {
				backups, err := client.Backups(ctx, args[0])
				if err != nil {
					return err
				}
				return c.showBackups(args[0], backups)
			})
		},
	}
}

func (c *cli) showBackups(provider string, backups []vaultkit.Backup) error {
	if c.json {
		return c.printJSON(orEmpty(backups))
	}
	if len(backups) == 0 {
		fmt.Fprintln(c.Err, "No backups: "+provider+" was never rotated.")
		return nil
	}
	t := newTable(c.Out, "", "VERSION", "IN FORCE FROM", "REPLACED AT", "ROTATION", "BY", "ID")
	for _, b := range backups {
		t.row(strconv.Itoa(b.Version), when(b.InForceFrom), when(b.ReplacedAt), string(b.Outcome), b.Actor, b.ID)
	}
	return t.flush()
}

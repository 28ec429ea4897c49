package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
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
				return c.showHistory(args[0], records)
			})
		},
	}
}

func (c *cli) showHistory(provider string, records []vaultkit.Record) error {
	if c.json {
		return c.printJSON(orEmpty(records))
	}
	if len(records) == 0 {
		fmt.Fprintln(c.Err, "No records: "+provider+" was never rotated.")
		return nil
	}
	t := terminal.NewTable(c.Out, "", "WHEN", "VERSION", "OUTCOME", "FROM", "CHANGED", "BY", "REASON", "REVOKED", "ID")
	t.Shrink(map[string]int{"FROM": 8, "CHANGED": 7, "BY": 6, "REASON": 6})
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	shown := briefly(t, ids)
	for _, r := range records {
		t.Row(shown.time(cmp.Or(when(r.CommittedAt), when(r.RecordedAt))), versions(r), string(r.Outcome), origin(r),
			strings.Join(r.FieldsChanged, " "), r.Actor, r.Reason, shown.date(revokedAt(r)), shown.id(r.ID))
	}
	return t.Flush()
}

// revokedAt says when the keys that a rotation replaced were revoked; empty: they
// were not.
func revokedAt(r vaultkit.Record) string {
	if r.Revocation == nil {
		return ""
	}
	if r.Revocation.RevokedAt.IsZero() && !r.Revocation.BegunAt.IsZero() {
		return "begun " + when(r.Revocation.BegunAt)
	}
	return cmp.Or(when(r.Revocation.RevokedAt), "yes") // of a record that cannot be read, no more is known
}

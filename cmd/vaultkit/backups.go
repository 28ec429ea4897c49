package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const backupsLong = `List what rotations of the provider have backed up, newest first. The id names a
backup for vaultkit rollback --to; a terminal shows it in short. No secret is read.
REVOKED is when revoke-old had its keys revoked, or began to: rollback --to then wants
--allow-revoked.

With the word prune after the provider, recover it and then delete old backups for
good, values included; the audit records stay. What goes is beyond the --keep newest
and was replaced longer than --older-than ago; one of the two is enough. Never
deleted are the newest backup of a committed rotation, backups whose rotation has no
record, and any younger than such a one: vaultkit abort closes what recover cannot.
On a terminal it shows what would go and asks first, unless --yes is given.`

// prune is the word after the provider.
const prune = "prune"

// pruneFlags are the flags of backups PROVIDER prune.
type pruneFlags struct {
	keep      int
	olderThan flagtype.Duration
	dryRun    bool
	yes       bool
}

func (f *pruneFlags) limits() vaultkit.PruneLimits {
	return vaultkit.PruneLimits{KeepNewest: f.keep, OlderThan: time.Duration(f.olderThan), DryRun: f.dryRun}
}

func (c *cli) backupsCommand() *cobra.Command {
	var f pruneFlags
	cmd := &cobra.Command{
		Use:   "backups PROVIDER [prune --keep N --older-than TIME]",
		Short: "List a provider's backups, newest first, or prune them",
		Long:  backupsLong,
		Example: "  vaultkit backups openai-gpt4 --json\n" +
			"  vaultkit backups openai-gpt4 prune --keep 5 --older-than 90d --dry-run",
		Args: cobra.MatchAll(usage.Between(1, 2), func(_ *cobra.Command, args []string) error {
			if len(args) == 2 && args[1] != prune {
				return errors.New("after the provider comes nothing, or the word prune")
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return c.prune(cmd, args[0], &f)
			}
			return c.backups(cmd, args[0])
		},
	}
	cmd.Flags().IntVar(&f.keep, "keep", 0, "prune: `number` of the newest to keep")
	cmd.Flags().Var(&f.olderThan, "older-than", "prune: keep what was replaced less than this ago, such as 90d")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "prune: delete nothing, only show what would go")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "prune: do not ask on a terminal")
	return cmd
}

func (c *cli) backups(cmd *cobra.Command, provider string) error {
	for _, flag := range []string{"keep", "older-than", "dry-run", "yes"} {
		if cmd.Flags().Changed(flag) {
			return exitcode.UsageErrorf("--%s is for: vaultkit backups PROVIDER prune", flag)
		}
	}
	return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
		backups, err := client.Backups(ctx, provider)
		if err == nil && len(backups) == 0 {
			err = c.RequireProvider(ctx, client, provider)
		}
		if err != nil {
			return err
		}
		if len(backups) == 0 && !c.JSON {
			fmt.Fprintln(c.Err, "No backups: "+provider+" was never rotated.")
			return nil
		}
		records, err := client.History(ctx, provider)
		if err != nil {
			return err
		}
		return c.Backups(backups, records)
	})
}

func (c *cli) prune(cmd *cobra.Command, provider string, f *pruneFlags) error {
	switch {
	case f.keep < 0:
		return exitcode.UsageErrorf("--keep must not be less than 0")
	case f.keep == 0 && f.olderThan == 0:
		return exitcode.UsageErrorf("prune needs --keep, --older-than or both")
	}
	return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
		if err := c.mayPrune(ctx, client, provider, f); err != nil {
			return err
		}
		pruned, err := client.PruneBackups(ctx, provider, f.limits())
		if err == nil && len(pruned) == 0 {
			err = c.RequireProvider(ctx, client, provider)
		}
		if err != nil && len(pruned) == 0 {
			return err
		}
		var records []vaultkit.Record
		if len(pruned) > 0 {
			records = c.warnUnrevoked(ctx, client, provider, pruned)
		}
		return errors.Join(err, c.showPruned(provider, pruned, records, f.dryRun))
	})
}

// mayPrune has a person on a terminal confirm what would be deleted, if anything.
func (c *cli) mayPrune(ctx context.Context, client *vaultkit.Client, provider string, f *pruneFlags) error {
	if f.yes || f.dryRun || !c.CanAsk() {
		return nil
	}
	limits := f.limits()
	limits.DryRun = true
	prunable, err := client.PruneBackups(ctx, provider, limits)
	if err != nil || len(prunable) == 0 {
		return err
	}
	return c.confirmPrune(ctx, provider, prunable)
}

// confirmPrune asks before backups are deleted.
func (c *cli) confirmPrune(ctx context.Context, provider string, prunable []vaultkit.Backup) error {
	fmt.Fprintf(c.Err, "These backups of %s would be deleted for good, values included:\n", provider)
	for _, b := range prunable {
		fmt.Fprintf(c.Err, "  version %d, replaced at %s: %s\n", b.Version, render.When(b.ReplacedAt), terminal.Cell(b.ID))
	}
	return c.Confirm(ctx, fmt.Sprintf("Delete them (%d)?", len(prunable)), "nothing was deleted")
}

// warnUnrevoked tells of keys that go from Vault and may still work at their issuer,
// and returns the records it went by.
func (c *cli) warnUnrevoked(ctx context.Context, client *vaultkit.Client, provider string, pruned []vaultkit.Backup) []vaultkit.Record {
	records, err := client.History(ctx, provider)
	if err != nil {
		c.Warn("whether the pruned keys were ever revoked could not be read: %s", exitcode.Text(err))
	}
	for _, record := range records {
		gone := slices.ContainsFunc(pruned, func(b vaultkit.Backup) bool { return b.ID == record.ID })
		if gone && record.Outcome == vaultkit.Committed && record.Revocation == nil {
			c.Warn("nothing says that the keys of version %d were revoked at their issuer, and revoke-old needs their backup: %s",
				record.OldVersion, record.ID)
		}
	}
	return records
}

func (c *cli) showPruned(provider string, pruned []vaultkit.Backup, records []vaultkit.Record, dryRun bool) error {
	if c.JSON {
		return c.Backups(pruned, records)
	}
	headline := "Deleted for good, of " + provider + ":"
	switch {
	case len(pruned) == 0:
		headline = "Nothing to delete: every backup of " + provider + " is to be kept."
	case dryRun:
		headline = "Dry run, nothing was deleted. These backups of " + provider + " would go:"
	}
	if _, err := fmt.Fprintln(c.Out, headline); err != nil || len(pruned) == 0 {
		return err
	}
	return c.Backups(pruned, records)
}

package backups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func (o *Options) prune(ctx context.Context, client *vaultkit.Client) error {
	if err := o.confirm(ctx, client); err != nil {
		return err
	}
	pruned, err := client.PruneBackups(ctx, o.Provider, o.limits(o.DryRun))
	if err == nil && len(pruned) == 0 {
		err = o.Vault.RequireProvider(ctx, client, o.Provider)
	}
	if err != nil && len(pruned) == 0 {
		return err
	}
	var records []vaultkit.Record
	if len(pruned) > 0 {
		records = o.warnUnrevoked(ctx, client, pruned)
	}
	return errors.Join(err, o.printPruned(pruned, records))
}

func (o *Options) limits(dryRun bool) vaultkit.PruneLimits {
	return vaultkit.PruneLimits{KeepNewest: o.Keep, OlderThan: time.Duration(o.OlderThan), DryRun: dryRun}
}

// confirm asks for confirmation on a terminal if any backup would be deleted.
func (o *Options) confirm(ctx context.Context, client *vaultkit.Client) error {
	if o.Yes || o.DryRun || !o.IO.CanAsk() {
		return nil
	}
	prunable, err := client.PruneBackups(ctx, o.Provider, o.limits(true))
	if err != nil || len(prunable) == 0 {
		return err
	}
	fmt.Fprintf(o.IO.Err, "These backups of %s would be deleted permanently, with their values:\n", o.Provider)
	for _, b := range prunable {
		fmt.Fprintf(o.IO.Err, "  version %d, replaced at %s: %s\n", b.Version, render.When(b.ReplacedAt), terminal.Cell(b.ID))
	}
	return o.IO.Confirm(ctx, fmt.Sprintf("Delete them (%d)?", len(prunable)), "nothing was deleted")
}

// warnUnrevoked warns of deleted keys that may still work because no revocation is
// recorded, and returns the records.
func (o *Options) warnUnrevoked(ctx context.Context, client *vaultkit.Client, pruned []vaultkit.Backup) []vaultkit.Record {
	records, err := client.History(ctx, o.Provider)
	if err != nil {
		o.IO.Warn("cannot find out whether the deleted keys were revoked: %s", exitcode.Text(err))
	}
	for _, record := range records {
		gone := slices.ContainsFunc(pruned, func(b vaultkit.Backup) bool { return b.ID == record.ID })
		if gone && record.Outcome == vaultkit.OutcomeCommitted && record.Revocation == nil {
			o.IO.Warn("the keys of version %d have no record of a revocation; without their backup, revoke-old cannot revoke them: %s",
				record.OldVersion, record.ID)
		}
	}
	return records
}

func (o *Options) printPruned(pruned []vaultkit.Backup, records []vaultkit.Record) error {
	if o.Print.JSON {
		return o.Print.Backups(pruned, records)
	}
	headline := "Deleted permanently, of " + o.Provider + ":"
	switch {
	case len(pruned) == 0:
		headline = "Nothing to delete: the limits keep every backup of " + o.Provider + "."
	case o.DryRun:
		headline = "Dry run, nothing was deleted. These backups of " + o.Provider + " would be deleted:"
	}
	if _, err := fmt.Fprintln(o.IO.Out, headline); err != nil || len(pruned) == 0 {
		return err
	}
	return o.Print.Backups(pruned, records)
}

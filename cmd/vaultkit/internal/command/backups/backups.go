// Package backups implements vaultkit backups, which lists backups and prunes them.
package backups

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `List the backups of a provider, newest first. vaultkit rollback --to takes the id of a
backup; a terminal shows a short form of it. No secret is read. The column REVOKED shows
when revoke-old revoked the keys or started to; rollback --to then needs
--allow-revoked.

With the word prune after the provider, backups first runs recover for the provider,
then deletes old backups and their values permanently. The audit records stay. prune
deletes the backups that are not among the --keep newest and whose secret was replaced
longer than --older-than ago; at least one of the two flags is required. prune always
keeps the newest backup of a committed rotation, a backup whose rotation has no record,
and every backup that is newer than one without a record. vaultkit abort closes a
rotation that recover cannot record. On a terminal, prune shows what it will delete and
asks for confirmation, unless --yes is given.`

// prune is the second argument of the command that prunes.
const prune = "prune"

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Provider string
	Prune    bool

	// Of prune.
	Keep      int
	OlderThan flagtype.Duration
	DryRun    bool
	Yes       bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "backups PROVIDER [prune --keep N --older-than TIME]",
		Short: "List a provider's backups, newest first, or prune them",
		Long:  long,
		Example: "  vaultkit backups openai-gpt4 --json\n" +
			"  vaultkit backups openai-gpt4 prune --keep 5 --older-than 90d --dry-run",
		Args: cobra.MatchAll(usage.Between(1, 2), func(_ *cobra.Command, args []string) error {
			if len(args) == 2 && args[1] != prune {
				return errors.New("the second argument can only be the word prune")
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Provider, o.Prune = args[0], len(args) == 2
			if err := o.checkFlags(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().IntVar(&o.Keep, "keep", 0, "prune: `number` of newest backups to keep (default 0)")
	cmd.Flags().Var(&o.OlderThan, "older-than",
		"prune: keep backups whose secret was replaced less than this time ago, such as 90d (default: no limit)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "prune: show what would be deleted, but delete nothing")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "prune: do not ask for confirmation on a terminal")
	return cmd
}

// checkFlags refuses the flags of prune without prune, and prune without limits.
func (o *Options) checkFlags(cmd *cobra.Command) error {
	if !o.Prune {
		for _, flag := range []string{"keep", "older-than", "dry-run", "yes"} {
			if cmd.Flags().Changed(flag) {
				return exitcode.UsageErrorf("--%s is for: vaultkit backups PROVIDER prune; add the word prune", flag)
			}
		}
		return nil
	}
	switch {
	case o.Keep < 0:
		return exitcode.UsageErrorf("--keep must not be less than 0")
	case o.Keep == 0 && o.OlderThan == 0:
		return exitcode.UsageErrorf("prune needs --keep, --older-than or both")
	}
	return nil
}

// Run lists the backups of a provider, or prunes them.
func Run(ctx context.Context, o *Options) error {
	if o.Prune {
		return o.Vault.With(ctx, o.prune)
	}
	return o.Vault.With(ctx, o.list)
}

func (o *Options) list(ctx context.Context, client *vaultkit.Client) error {
	backups, err := client.Backups(ctx, o.Provider)
	if err == nil && len(backups) == 0 {
		err = o.Vault.RequireProvider(ctx, client, o.Provider)
	}
	if err != nil {
		return err
	}
	if len(backups) == 0 && !o.Print.JSON {
		fmt.Fprintln(o.IO.Err, "No backups: "+o.Provider+" was never rotated.")
		return nil
	}
	records, err := client.History(ctx, o.Provider)
	if err != nil {
		return err
	}
	return o.Print.Backups(backups, records)
}

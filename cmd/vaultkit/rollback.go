package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const rollbackLong = `Write the secret of a backup back, whole. It is a rotation of its own: what it
replaces is backed up, and it is recorded.

Without --to it undoes the newest rotation. When the current secret came from a
rollback, or from somebody else, it asks for --to instead of guessing. A key that
revoke-old had revoked comes back with --allow-revoked only. A revocation that was
begun counts, even where its command failed: nobody knows what it did. In vaultkit
backups, REVOKED shows both.

To vaultkit status the secret that comes back is as young as the rollback, and has no
expiry but the one of --expires-in.

` + rotationid.Help

// rollbackFlags are the flags of rollback.
type rollbackFlags struct {
	to                                   string
	restoreDeleted, allowRevoked, dryRun bool
	expiresIn                            flagtype.Duration
	flagtype.Attribution
}

func (c *cli) rollbackCommand() *cobra.Command {
	var f rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback PROVIDER",
		Short: "Bring back the secret a rotation replaced",
		Long:  rollbackLong,
		Example: "  vaultkit rollback openai-gpt4 --reason 'new key is rejected'\n" +
			"  vaultkit rollback openai-gpt4 --to v3   # an id from: vaultkit backups openai-gpt4",
		Args: usage.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.rollback(cmd, args[0], &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "`id` of the backup to bring back (default: the one of the newest rotation)")
	flags.BoolVar(&f.restoreDeleted, "restore-deleted", false, "write over a current version that is deleted or destroyed")
	flags.BoolVar(&f.allowRevoked, "allow-revoked", false, "bring back a key that is being revoked at its issuer, or was")
	flags.Var(&f.expiresIn, "expires-in", "when the key that comes back will expire, from now, such as 30d: a note for reminders")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check everything, write nothing, and show what would be written where")
	f.AddFlags(cmd)
	return cmd
}

func (c *cli) rollback(cmd *cobra.Command, provider string, f *rollbackFlags) error {
	options := f.options(cmd)
	var rotation *vaultkit.Rotation
	err := c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) (err error) {
		id := f.to
		if id != "" {
			id, err = rotationid.OfBackup(ctx, c.Connection, client, provider, id)
		}
		if err == nil {
			rotation, err = client.Rollback(ctx, provider, id, options...)
		}
		return err
	})
	switch {
	case errors.Is(err, vaultkit.ErrInvalid):
		return refusedRollback(provider, err)
	case errors.Is(err, vaultkit.ErrDeleted) && !f.restoreDeleted:
		return exitcode.WithHint(err, "To write a backup over the deleted version, add --restore-deleted.")
	case err != nil:
		return c.Failure(cmd.Context(), provider, c.Args(), rotation, err)
	case f.dryRun:
		return c.DryRun(rotation, render.Checks{}, c.Path)
	}
	return c.Rotated("Rolled back", rotation)
}

// refusedRollback says how to go on after a refusal. One for a revocation names the
// backup and no version, one that leaves the choice of a backup a version.
func refusedRollback(provider string, err error) error {
	why, ok := errors.AsType[*vaultkit.Error](err)
	switch {
	case ok && why.Version > 0:
		return exitcode.WithHint(err, "Name it with --to; vaultkit backups "+provider+" shows when each was in force.")
	case ok && why.ID != "":
		return exitcode.WithHint(err, "Its command may have failed; that it was begun counts. If the key still works, bring it back with --allow-revoked.")
	}
	return err
}

func (f *rollbackFlags) options(cmd *cobra.Command) []vaultkit.RotateOption {
	options := f.Attribution.Options(cmd)
	if f.restoreDeleted {
		options = append(options, vaultkit.RestoreDeleted())
	}
	if f.allowRevoked {
		options = append(options, vaultkit.AllowRevoked())
	}
	if f.expiresIn > 0 {
		options = append(options, vaultkit.WithExpiresAt(time.Now().Add(time.Duration(f.expiresIn))))
	}
	if f.dryRun {
		options = append(options, vaultkit.WithDryRun())
	}
	return options
}

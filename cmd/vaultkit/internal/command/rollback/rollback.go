// Package rollback implements vaultkit rollback, which restores a replaced secret.
package rollback

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `Restore the whole secret of a backup. A rollback is a rotation too: the secret that it
replaces is backed up, and it has an audit record.

Without --to, rollback restores the secret that the newest rotation replaced. If the
current secret came from a rollback or from another program, --to is required. A key
that revoke-old has revoked is restored only with --allow-revoked. The same is true if
the revocation has started and failed: its command may have revoked the key. The column
REVOKED of vaultkit backups shows both.

vaultkit status counts the age of the restored secret from the rollback, and shows no
expiry unless --expires-in is given.

` + rotationid.Help

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Attribution    flagtype.Attribution
	Provider       string
	To             string // an id, or a part of one; empty: of the newest rotation
	RestoreDeleted bool
	AllowRevoked   bool
	ExpiresIn      flagtype.Duration
	DryRun         bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "rollback PROVIDER",
		Short: "Restore the secret that a rotation replaced",
		Long:  long,
		Example: "  vaultkit rollback openai-gpt4 --reason 'new key is rejected'\n" +
			"  vaultkit rollback openai-gpt4 --to v3   # an id from: vaultkit backups openai-gpt4",
		Args: usage.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Provider = args[0]
			o.Attribution.Complete(cmd)
			return run(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.To, "to", "", "`id` of the backup to restore (default: the backup of the newest rotation)")
	flags.BoolVar(&o.RestoreDeleted, "restore-deleted", false, "restore the secret even if the current version is deleted or destroyed")
	flags.BoolVar(&o.AllowRevoked, "allow-revoked", false, "restore a key even if its revocation has started or is done")
	flags.Var(&o.ExpiresIn, "expires-in",
		"`time` from now until the restored key expires, such as 30d; only recorded, for vaultkit status (default: none)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "check everything and show what would be written where, but write nothing")
	o.Attribution.AddFlags(cmd)
	return cmd
}

// Run restores the secret.
func Run(ctx context.Context, o *Options) error {
	var rotation *vaultkit.Rotation
	err := o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		id := o.To
		if id != "" {
			id, err = rotationid.OfBackup(ctx, o.Vault, client, o.Provider, id)
		}
		if err == nil {
			rotation, err = client.Rollback(ctx, o.Provider, id, o.options()...)
		}
		return err
	})
	switch {
	case errors.Is(err, vaultkit.ErrInvalid):
		return refused(o.Provider, err)
	case errors.Is(err, vaultkit.ErrDeleted) && !o.RestoreDeleted:
		return exitcode.WithHint(err, "To restore a backup in spite of that, add --restore-deleted.")
	case err != nil:
		return o.Print.Failure(ctx, o.Provider, o.Vault.Args(), rotation, err)
	case o.DryRun:
		return o.Print.DryRun(rotation, render.Checks{}, o.Vault.Path)
	}
	return o.Print.Rotated("Rolled back", rotation)
}

// refused adds to the error of a rollback that needs --to what to do next. Such an error names a
// version.
func refused(provider string, err error) error {
	if why, ok := errors.AsType[*vaultkit.Error](err); ok && why.Version > 0 {
		return exitcode.WithHint(err, "Name the backup with --to; vaultkit backups "+provider+" shows when each one was in force.")
	}
	return err
}

func (o *Options) options() []vaultkit.RollbackOption {
	actor, reason := o.Attribution.Options()
	options := []vaultkit.RollbackOption{actor, reason}
	if o.RestoreDeleted {
		options = append(options, vaultkit.RestoreDeleted())
	}
	if o.AllowRevoked {
		options = append(options, vaultkit.AllowRevoked())
	}
	if o.ExpiresIn > 0 {
		options = append(options, vaultkit.WithExpiresAt(o.Now().Add(time.Duration(o.ExpiresIn))))
	}
	if o.DryRun {
		options = append(options, vaultkit.WithDryRun())
	}
	return options
}

// Package revokeold implements vaultkit revoke-old, which revokes the keys that a
// rotation replaced.
package revokeold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// statusAlreadyGone is the exit status by which a command says that the keys were
// already revoked. curl, wget and jq do not use it for failures, as they do 4.
const statusAlreadyGone = 44

const long = `Revoke the keys that a rotation replaced, at the provider's API. This is the last step
of rotating a key: run it when the new key works everywhere. revoke-old refuses (exit
code 5) if the rotation is not committed, or if one of the old values is in force again,
for this provider or another one.

--cmd is a shell command that revokes the keys. The command gets the variables
VAULTKIT_PROVIDER, VAULTKIT_ID, VAULTKIT_KEY (the old api_key, or the only field that
was replaced) and VAULTKIT_FIELD_<NAME> (the old value), one for each replaced field.
` + childproc.Help + `

The exit status of the command says what happened: 0, it revoked the keys; 44, they were
already revoked; anything else, they are not revoked. 0 and 44 are recorded, and history
shows them. The command runs once, and not at all if the keys are already recorded as
revoked. As soon as the command has started, even if it fails, rotate and rollback
accept these keys only with --allow-revoked. So revoke-old looks for the program that
the command begins with before it asks Vault; it exits with 127 if there is no such
program, and with 126 if it cannot be run.

` + rotationid.Help + `

With --older-than, revoke-old revokes the old keys of all rotations of the named
providers, or of all providers with --all: a nightly job needs no ids. The old keys of a
provider wait until its current secret has been in force for longer than that time. If
one rotation is refused, the others continue; the exit code is 8 if the record of a
revocation is missing, otherwise the first of 7, 6, 5 and the others that occurred.
These are skipped, with exit code 0: keys that wait, keys that a rollback put in force
again, keys whose backup was deleted, and rotations that replaced no key. revoke-old
checks that again right before each revocation. If it is stopped, it fails, and the rest
is skipped as not tried. --json prints an array of {provider, id, revocation, skipped,
error, exit_code}. On a terminal, it asks for confirmation, unless --yes is given.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Attribution          flagtype.Attribution
	Provider             string
	ID                   string // or a part of it
	Command              string // a line for the shell
	IgnoreOtherProviders bool

	// Of many rotations.
	OlderThan   flagtype.Duration // 0: one rotation
	Providers   []string
	All         bool
	DryRun, Yes bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "revoke-old PROVIDER ID|--older-than=TIME --cmd COMMAND",
		Short: "Revoke the keys that a rotation replaced",
		Long:  long,
		Example: "  vaultkit revoke-old openai-gpt4 ID --cmd './revoke-key.sh' --reason quarterly\n" +
			"  # an id from: vaultkit history openai-gpt4\n" +
			"  vaultkit revoke-old --all --older-than 24h --cmd './revoke-key.sh'",
		Args:              func(cmd *cobra.Command, args []string) error { return o.checkArguments(cmd, args) },
		ValidArgsFunction: deps.Complete.Arguments(vaultkit.OutcomeCommitted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Providers = args; o.OlderThan == 0 {
				o.Provider, o.ID = args[0], args[1]
			}
			if err := childproc.CheckLine("cmd", o.Command); err != nil {
				return err
			}
			if err := childproc.CheckProgram(cmd.Context(), "cmd", o.Command); err != nil {
				return err
			}
			o.Attribution.Complete(cmd)
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Command, "cmd", "", "shell `command` that revokes the old keys")
	_ = cmd.MarkFlagRequired("cmd") // never fails: the flag exists
	cmd.Flags().BoolVar(&o.IgnoreOtherProviders, "ignore-other-providers", false,
		"revoke the keys even if another provider's secret contains them")
	cmd.Flags().Var(&o.OlderThan, "older-than",
		"revoke the old keys of all rotations, if the provider's current secret has been in force for longer than this `time`, such as 24h (default: one rotation)")
	cmd.Flags().BoolVar(&o.All, "all", false, "with --older-than, take every provider")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "with --older-than, show whose old keys would be revoked, but revoke nothing")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "with --older-than, do not ask for confirmation on a terminal")
	flaggroup.Set(cmd.Flags(), "Many rotations", "older-than", "all", "dry-run", "yes")
	o.Attribution.AddFlags(cmd)
	flaggroup.Set(cmd.Flags(), "Audit record", "actor", "reason")
	return cmd
}

// checkArguments refuses wrong arguments, and flags without the flag that they belong to.
func (o *Options) checkArguments(cmd *cobra.Command, args []string) error {
	many := cmd.Flags().Changed("older-than")
	for _, flag := range []string{"all", "dry-run", "yes"} {
		if cmd.Flags().Changed(flag) && !many {
			return exitcode.UsageErrorf("--%s needs --older-than", flag)
		}
	}
	switch {
	case !many:
		return usage.Exactly(2)(cmd, args)
	case o.All && len(args) > 0:
		return exitcode.UsageErrorf("--all means every provider: do not name providers too")
	case !o.All && len(args) == 0:
		return exitcode.UsageErrorf("with --older-than, name providers or give --all")
	}
	return nil
}

// Run runs the command that revokes the keys, and prints what is revoked.
func Run(ctx context.Context, o *Options) error {
	if o.OlderThan > 0 {
		return o.revokeMany(ctx)
	}
	return o.revokeOne(ctx)
}

func (o *Options) revoker(provider, id string) *commandRevoker {
	child := childproc.Command{Name: "revoke", Line: o.Command, Hidden: o.Vault.Credentials(), Out: o.IO.Err}
	return &commandRevoker{command: child, provider: provider, id: id}
}

func (o *Options) revokeOne(ctx context.Context) error {
	revoker := o.revoker(o.Provider, "")
	var revocation *vaultkit.Revocation
	err := o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		if revoker.id, err = rotationid.OfRotation(ctx, o.Vault, client, o.Provider, o.ID); err != nil {
			return err
		}
		revocation, err = client.RevokeOld(ctx, o.Provider, revoker.id, revoker, o.options()...)
		return err
	})
	if err != nil {
		return withHint(err)
	}
	return render.OutputError("the keys are revoked, and the record is written", o.print(revocation, revoker.ran))
}

// withHint adds to the error of a revocation that may be done how to find out.
func withHint(err error) error {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return exitcode.WithHint(err, fmt.Sprintf("The keys are revoked; only their record is missing. To write it, run the same command again:\n"+
			"if the keys are already revoked, the command of --cmd must exit with %d.", statusAlreadyGone))
	case errors.Is(err, childproc.ErrStopped):
		return exitcode.WithHint(err, "The command was stopped and may have revoked the keys. To find out, run the same vaultkit command again.")
	}
	return err
}

func (o *Options) options() []vaultkit.RevokeOption {
	actor, reason := o.Attribution.Options()
	options := []vaultkit.RevokeOption{actor, reason}
	if o.IgnoreOtherProviders {
		options = append(options, vaultkit.IgnoreOtherProviders())
	}
	return options
}

func (o *Options) print(r *vaultkit.Revocation, ran bool) error {
	if o.Print.JSON {
		return o.Print.Value(r)
	}
	headline := "Revoked the keys that a rotation of " + r.Provider + " replaced."
	switch {
	case !ran:
		headline = "The keys that this rotation of " + r.Provider + " replaced are already recorded as revoked; the command did not run."
	case r.AlreadyGone:
		headline = "The keys that a rotation of " + r.Provider + " replaced were already revoked; now that is recorded."
	}
	if _, err := fmt.Fprintln(o.IO.Out, headline); err != nil {
		return err
	}
	t := o.Print.Table("  ")
	t.Row("id", r.ID)
	t.Row("revoked", strings.Join(r.Fields, ", "))
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("at", render.When(r.RevokedAt))
	t.Optional("not checked", notRead(r.NotRead))
	return t.Flush()
}

// notRead lists the providers that were not checked for the keys.
func notRead(providers []string) string {
	if slices.Contains(providers, "*") {
		return "other providers: this token cannot list them"
	}
	return strings.Join(providers, ", ")
}

// commandRevoker is a Revoker that runs the user's command.
type commandRevoker struct {
	command      childproc.Command
	provider, id string
	ran          bool
}

// Revoke runs the command.
func (r *commandRevoker) Revoke(ctx context.Context, _ vaultkit.Target, keys vaultkit.ProviderKeys) error {
	r.ran = true
	variables := map[string]string{childproc.VariableProvider: r.provider, childproc.VariableID: r.id}
	if field := mainField(keys); field != "" {
		variables[childproc.VariableKey] = keys[field]
	}
	err := r.command.Run(ctx, keys, variables)
	if _, is := errors.AsType[*childproc.NotRunError](err); is {
		return errors.Join(vaultkit.ErrNotAsked, err)
	}
	if exit, ok := errors.AsType[*childproc.StatusError](err); ok && exit.Status == statusAlreadyGone {
		return vaultkit.ErrAlreadyRevoked
	}
	return err
}

// mainField returns api_key if there is one, or the only field; empty: there is
// neither.
func mainField(keys vaultkit.ProviderKeys) string {
	if _, has := keys["api_key"]; has {
		return "api_key"
	}
	if fields := keys.Fields(); len(fields) == 1 {
		return fields[0]
	}
	return ""
}

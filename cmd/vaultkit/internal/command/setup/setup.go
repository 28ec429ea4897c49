// Package setup implements vaultkit setup, which makes what vaultkit needs in a Vault.
package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/setup"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `Make what vaultkit needs in a Vault: a policy for each role that the flags name, and
AppRoles, Kubernetes roles and JWT roles that have these policies. Log in with the token
of an administrator.

setup shows what it will create and restore, and asks before it changes anything. What
it makes is named vaultkit-ROLE, with an addition for --provider, --mount or --base.
Whatever has such a name is its own, and is restored when it differs. setup also adds
the KV mount, the auth mounts and the audit header X-Correlation-Id if they are missing.
A second run changes nothing. What is for somebody else is refused: a role that other
jobs or pods have (or give --replace-role), and an auth mount for another cluster or
issuer (or give --replace-config).

Tokens of these roles have no policy but their own and live for ten minutes. A client
renews its token for up to 20 minutes, a reader's (AppRole, Kubernetes) for up to a day,
and then logs in again. The secret id of an AppRole works for one login, that of a
reader for any number of logins.`

const example = `  vaultkit setup --approle rotator
  vaultkit setup --kubernetes reader=goblin/assistant --kubernetes monitor=goblin/key-status
  vaultkit setup --github OWNER/REPO --github-id 1234 --dry-run
  vaultkit setup --gitlab GROUP/PROJECT --gitlab-id 1234 --environment production
  vaultkit setup --jwt reader --issuer https://ci.example.com --bound-claim project=goblin`

// Options are the flags of the command.
type Options struct {
	command.Deps
	Flags
	NoAuditHeader bool
	DryRun, Yes   bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:     "setup",
		Short:   "Make policies and roles in Vault, and show what changes first",
		Long:    long,
		Example: example,
		Args:    usage.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	o.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&o.NoAuditHeader, "no-audit-header", false, "do not have Vault's audit log show the header X-Correlation-Id")
	flags.BoolVar(&o.DryRun, "dry-run", false, "show what would change, and the vault commands that do the same; change nothing")
	flags.BoolVar(&o.Yes, "yes", false, "do not ask before anything is changed")
	return cmd
}

// Run shows the plan, asks, and applies it.
func Run(ctx context.Context, o *Options) error {
	spec, err := o.spec(ctx)
	if err != nil {
		return err
	}
	return o.Vault.WithAdmin(ctx, func(client *vaultkit.Client) error {
		official := client.Vault()
		// The audit log belongs to the root namespace.
		spec.AuditHeader = !o.NoAuditHeader && official.Namespace() == ""
		plan, err := o.plan(ctx, client, spec)
		if err != nil {
			return err
		}
		out := &output{Options: o, address: official.Address(), namespace: official.Namespace(), plan: plan}
		if o.DryRun || len(plan.Changes()) == 0 {
			return out.unchanged()
		}
		if err := o.confirm(ctx, out); err != nil {
			return err
		}
		if out.shown { // the question may have waited for long
			if plan, err = o.plan(ctx, client, spec); err != nil {
				return err
			}
			if !plan.Same(out.plan) {
				return exitcode.WithCode(errors.New("nothing was changed, because what Vault has differs from what was shown; run the command again"),
					exitcode.Conflict)
			}
			out.plan = plan
		}
		return o.apply(ctx, out)
	})
}

func (o *Options) plan(ctx context.Context, client *vaultkit.Client, spec *setup.Spec) (*setup.Plan, error) {
	ctx, cancel := o.Vault.WithTimeout(ctx)
	defer cancel()
	return setup.Make(ctx, client.Vault(), spec)
}

// confirm shows the plan and asks for a yes.
func (o *Options) confirm(ctx context.Context, out *output) error {
	if o.Yes {
		return nil
	}
	if !o.IO.CanAsk() {
		return exitcode.UsageErrorf("nothing was changed, because there is no terminal to ask on: " +
			"give --yes to make the changes, or --dry-run to see them")
	}
	out.printPlan(o.IO.Err)
	return o.IO.Confirm(ctx, fmt.Sprintf("Make these changes (%d)?", len(out.plan.Changes())), "nothing was changed")
}

// apply makes the changes and prints what was done, even if that is not all.
func (o *Options) apply(ctx context.Context, out *output) error {
	ctx, cancel := o.Vault.WithTimeout(ctx)
	defer cancel()
	err := out.plan.Apply(ctx)
	if printing := out.applied(); err == nil {
		return render.OutputError("the changes are made", printing)
	}
	if stopped, ok := errors.AsType[*setup.StoppedError](err); ok {
		return exitcode.WithHint(err, finish(stopped))
	}
	return err
}

// finish returns how to go on after a step that failed.
func finish(stopped *setup.StoppedError) string {
	text := "To finish, run the same command again"
	if stopped.Refused {
		text = "Vault does not accept this step. To finish, correct the flags and run the command again"
	}
	if stopped.SecretIDs {
		text += " with --new-secret-id"
	}
	return text + "."
}

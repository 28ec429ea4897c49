package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// exitAlreadyGone is how a command says that the keys are revoked already. It is
// none that curl, wget or jq have for a failure, as 4 would be.
const exitAlreadyGone = 44

const revokeOldLong = `Have the keys that a rotation replaced revoked at their issuer, the last step of
rotating a key: once the new one works everywhere. It is refused (exit code 5) unless
the rotation is committed and none of the old values is in force again, here or under
another provider.

--cmd is a shell command that revokes them. In its environment are VAULTKIT_PROVIDER,
VAULTKIT_ID, VAULTKIT_KEY (the old api_key, or the only field that was replaced) and
VAULTKIT_FIELD_<NAME> for the old value of each replaced field
` + childproc.Help + `

Status 0 says that the keys are revoked, 44 that they were gone already (both are
recorded, and history shows it), any other that they are not. The command runs once.
A rotation whose keys were revoked before is not asked for again. Once the
command has begun, be it in vain, rotate and rollback take these keys with
--allow-revoked only.

` + rotationid.Help

func (c *cli) revokeOldCommand() *cobra.Command {
	var line string
	var ignoreOthers bool
	var who flagtype.Attribution
	cmd := &cobra.Command{
		Use:   "revoke-old PROVIDER ID --cmd COMMAND",
		Short: "Revoke the keys a rotation replaced",
		Long:  revokeOldLong,
		Example: "  vaultkit revoke-old openai-gpt4 ID --cmd './revoke-key.sh' --reason quarterly\n" +
			"  # an id from: vaultkit history openai-gpt4",
		Args: usage.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := childproc.CheckLine("cmd", line); err != nil {
				return err
			}
			who.Complete(cmd)
			options := []vaultkit.RevokeOption{vaultkit.RevokedBy(who.Actor), vaultkit.RevokedBecause(who.Reason)}
			if ignoreOthers {
				options = append(options, vaultkit.IgnoreOtherProviders())
			}
			return c.revokeOld(cmd, args[0], args[1], line, options)
		},
	}
	cmd.Flags().StringVar(&line, "cmd", "", "shell `command` that revokes the old keys")
	_ = cmd.MarkFlagRequired("cmd") // it exists
	cmd.Flags().BoolVar(&ignoreOthers, "ignore-other-providers", false, "revoke the keys although another provider's secret holds them")
	who.AddFlags(cmd)
	return cmd
}

func (c *cli) revokeOld(cmd *cobra.Command, provider, id, line string, options []vaultkit.RevokeOption) error {
	command := childproc.Command{Name: "revoke", Line: line, Hidden: c.Credentials(), Out: c.Err}
	revoker := &commandRevoker{command: command, provider: provider}
	var revocation *vaultkit.Revocation
	err := c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) (err error) {
		if id, err = rotationid.OfRotation(ctx, c.Connection, client, provider, id); err != nil {
			return err
		}
		revoker.id = id
		revocation, err = client.RevokeOld(ctx, provider, id, revoker, options...)
		return err
	})
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return exitcode.WithHint(err, fmt.Sprintf("The keys are revoked; only the record of it is missing. To write it, run the same again:\n"+
			"where the keys are gone, the command must exit with %d.", exitAlreadyGone))

	case errors.Is(err, childproc.ErrStopped):
		return exitcode.WithHint(err, "Stopped half-way, it may have revoked the keys or not. Run the same again.")
	case err != nil:
		return err
	}
	return render.OutputError("the keys are revoked, and that is recorded", c.showRevocation(revocation, revoker.ran))
}

func (c *cli) showRevocation(r *vaultkit.Revocation, ran bool) error {
	if c.JSON {
		return c.Value(r)
	}
	headline := "Revoked what a rotation of " + r.Provider + " had replaced."
	switch {
	case !ran:
		headline = "What this rotation of " + r.Provider + " replaced was revoked before; the command did not run."
	case r.AlreadyGone:
		headline = "What a rotation of " + r.Provider + " had replaced was gone already; now that is recorded."
	}
	if _, err := fmt.Fprintln(c.Out, headline); err != nil {
		return err
	}
	t := terminal.NewTable(c.Out, "  ")
	t.Row("id", r.ID)
	t.Row("revoked", strings.Join(r.Fields, ", "))
	t.Optional("by", r.Actor)
	t.Optional("reason", r.Reason)
	t.Optional("at", render.When(r.RevokedAt))
	t.Optional("not looked at", notRead(r.NotRead))
	return t.Flush()
}

// notRead names the providers that may hold the keys too.
func notRead(providers []string) string {
	if slices.Contains(providers, "*") {
		return "other providers, for this token may not list them"
	}
	return strings.Join(providers, ", ")
}

// commandRevoker revokes keys with the user's command.
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
	if exit, ok := errors.AsType[*childproc.StatusError](err); ok && exit.Status == exitAlreadyGone {
		return vaultkit.ErrAlreadyRevoked
	}
	return err
}

// mainField is the api_key, or else the only field; empty: there is neither.
func mainField(keys vaultkit.ProviderKeys) string {
	if _, has := keys[vaultkit.FieldAPIKey]; has {
		return vaultkit.FieldAPIKey
	}
	if fields := keys.Fields(); len(fields) == 1 {
		return fields[0]
	}
	return ""
}

// Package policy implements vaultkit policy, which prints the Vault policy of a role.
package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/roles"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
	"goblin/vaultkit/policy"
)

const long = `Print the Vault policy with the fewest rights that a role needs, for every provider or
for those of --provider, below --base in --mount. The command does not connect to Vault.

Roles:
`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Role      policy.Role
	Providers []string // empty: all
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "policy ROLE",
		Short: "Print the Vault policy of a role",
		Long:  long + strings.Join(roles.Describe("  %-12s %s"), "\n"),
		Example: "  vaultkit policy rotator | vault policy write vaultkit-rotator -\n" +
			"  vaultkit policy reader --provider openai-gpt4 --provider anthropic\n" +
			"  vaultkit policy auditor --json",
		Args:              usage.Exactly(1),
		ValidArgsFunction: completeRole,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Role = policy.Role(args[0])
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringArrayVar(&o.Providers, "provider", nil,
		"`name` of a provider to limit the policy to; may be repeated (default: every provider)")
	return cmd
}

func completeRole(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return roles.Describe("%s\t%s"), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// Run prints the policy. It does not connect to Vault.
func Run(_ context.Context, o *Options) error {
	mount, base, err := o.Vault.Location()
	if err != nil {
		return err
	}
	var options []policy.Option
	if mount != "" {
		options = append(options, policy.AtMount(mount))
	}
	if base != "" {
		options = append(options, policy.AtBasePath(base))
	}
	if len(o.Providers) > 0 {
		options = append(options, policy.OnlyProviders(o.Providers...))
	}
	text, err := policy.ForRole(o.Role, options...)
	if err != nil {
		return namelist.Suggest(err, roles.Similar(o.Role))
	}
	if o.Print.JSON {
		return o.Print.Value(struct {
			Role   policy.Role `json:"role"`
			Policy string      `json:"policy"`
		}{o.Role, text})
	}
	_, err = fmt.Fprint(o.IO.Out, text)
	return err
}

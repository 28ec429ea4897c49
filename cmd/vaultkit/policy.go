package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const policyLong = `Print the Vault policy of a role: the least that it needs, for every provider or
for those that are named, below --base in --mount. Vault is not asked.

Roles:
`

func (c *cli) policyCommand() *cobra.Command {
	var providers []string
	cmd := &cobra.Command{
		Use:   "policy ROLE",
		Short: "Print the Vault policy of a role",
		Long:  policyLong + strings.Join(describeRoles("  %-12s %s"), "\n"),
		Example: "  vaultkit policy rotator | vault policy write goblin-rotator -\n" +
			"  vaultkit policy reader --provider openai-gpt4 --provider anthropic\n" +
			"  vaultkit policy auditor --json",
		Args: usage.Exactly(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return describeRoles("%s\t%s"), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return c.policy(vaultkit.Role(args[0]), providers)
		},
	}
	cmd.Flags().StringArrayVar(&providers, "provider", nil, "`name` of a provider to narrow the policy to; repeat it for several (default: every provider)")
	return cmd
}

// describeRoles formats each role with what the first line of its policy says.
func describeRoles(format string) []string {
	var lines []string
	for _, role := range vaultkit.Roles() {
		text, _ := vaultkit.Policy(role) // never fails for a role there is
		first, _, _ := strings.Cut(text, "\n")
		lines = append(lines, fmt.Sprintf(format, role, strings.TrimPrefix(first, "# ")))
	}
	return lines
}

// similarRoles are the roles that could have been meant by one that is none.
func similarRoles(role vaultkit.Role) []string {
	var names []string
	for _, one := range vaultkit.Roles() {
		if one == role {
			return nil
		}
		names = append(names, string(one))
	}
	return namelist.Similar(names, string(role))
}

func (c *cli) policy(role vaultkit.Role, providers []string) error {
	mount, base, err := c.Location()
	if err != nil {
		return err
	}
	var options []vaultkit.PolicyOption
	if mount != "" {
		options = append(options, vaultkit.AtMount(mount))
	}
	if base != "" {
		options = append(options, vaultkit.AtBasePath(base))
	}
	if len(providers) > 0 {
		options = append(options, vaultkit.OnlyProviders(providers...))
	}
	text, err := vaultkit.Policy(role, options...)
	if err != nil {
		return namelist.Suggest(err, similarRoles(role))
	}
	if c.JSON {
		return c.Value(struct {
			Role   vaultkit.Role `json:"role"`
			Policy string        `json:"policy"`
		}{role, text})
	}
	_, err = fmt.Fprint(c.Out, text)
	return err
}

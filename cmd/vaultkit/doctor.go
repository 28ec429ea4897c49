package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

const doctorLong = `Look for what keeps this machine from its work with Vault: address, TLS, seal,
clock, login, token, mount, the rights of each role, audit device, unfinished
rotations, deleted keys. A finding that is not ok comes with a command: after "fix:"
it mends what was found, after "look:" it only shows where to look. A check that
depends on a failed one is skipped.

Without --role it expects a reader's rights, and looks whether they are a
rotator's. Without arguments it looks at every provider. It connects and logs in
as every other command does, writes nothing and reads no secret. A login costs a
use of an AppRole's secret id, where those are counted; a wrapping token is only
looked at, unless --unwrap is given.

The exit code is that of the first failed check, 0 if none failed.`

// diagnosis is the outcome of a doctor that found something.
type diagnosis struct {
	failed, warned int
	first          error // of the failed checks
}

func (d *diagnosis) Error() string {
	return fmt.Sprintf("doctor: %d failed, %d with a warning", d.failed, d.warned)
}

func (d *diagnosis) Unwrap() error { return d.first }

func (c *cli) doctorCommand() *cobra.Command {
	var query vaultkit.DiagnoseQuery
	var roles []string
	var strict bool
	cmd := &cobra.Command{
		Use:   "doctor [PROVIDER...]",
		Short: "Find out why Vault cannot be used, and how to mend it",
		Long:  doctorLong,
		Example: "  vaultkit doctor\n" +
			"  vaultkit doctor openai-gpt4 --role rotator\n" +
			"  vaultkit doctor --strict --json",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			query.Providers = args
			for _, role := range roles {
				query.Roles = append(query.Roles, vaultkit.Role(role))
			}
			err := c.doctor(cmd, query, strict)
			if len(roles) > 0 && err != nil {
				return namelist.Suggest(err, similarRoles(query.Roles[len(roles)-1]))
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&roles, "role", nil, "`role` whose rights the token must have, see vaultkit policy --help; repeat it for several")
	_ = cmd.RegisterFlagCompletionFunc("role", completeRole) // the flag is there
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 1 if there are warnings and nothing failed")
	cmd.Flags().BoolVar(&query.Unwrap, "unwrap", false, "log in even if that uses up a wrapping token")
	return cmd
}

// completeRole names the roles that are not given yet.
func completeRole(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	given, _ := cmd.Flags().GetStringArray("role") // never fails: the flag is one
	roles := slices.DeleteFunc(describeRoles("%s\t%s"), func(line string) bool {
		role, _, _ := strings.Cut(line, "\t")
		return slices.Contains(given, role)
	})
	return beginning(typed, roles...), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func (c *cli) doctor(cmd *cobra.Command, query vaultkit.DiagnoseQuery, strict bool) error {
	options, err := c.Options()
	if err != nil {
		return err
	}
	ctx, cancel := c.WithTimeout(cmd.Context())
	defer cancel()
	query.Args = c.Args()
	found := []vaultkit.Finding{}
	for one := range vaultkit.Diagnose(ctx, query, options...) {
		if found = append(found, one); !c.JSON {
			c.Finding(one)
		}
	}
	if c.JSON {
		if err := c.Value(found); err != nil {
			return err
		}
	}
	return diagnose(found, strict)
}

// diagnose counts.
func diagnose(found []vaultkit.Finding, strict bool) error {
	var d diagnosis
	for _, one := range found {
		switch one.Status {
		case vaultkit.FindingFailed:
			d.failed++
			if d.first == nil {
				d.first = one.Err
			}
		case vaultkit.FindingWarning:
			d.warned++
		}
	}
	if d.failed > 0 || strict && d.warned > 0 {
		return &d
	}
	return nil
}

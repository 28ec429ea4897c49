// Package doctor implements vaultkit doctor, which finds out why Vault cannot be used.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/completion"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/roles"
	"goblin/vaultkit/doctor"
	"goblin/vaultkit/policy"
)

const long = `Check what this machine needs to work with Vault: address, TLS, seal, clock, login,
token, mount, the rights of each role, audit device, unfinished rotations, deleted keys.
A finding that is not ok is followed by a command: the one after "fix:" fixes the
problem, the one after "look:" only shows more about it. A check that depends on a
failed check is skipped.

Without --role, the token must have the rights of a reader, and doctor reports whether
it also has those of a rotator. Without arguments, doctor checks every provider. It
connects and logs in like every other command, writes nothing and reads no secret. The
login counts as a use of an AppRole's secret id. doctor looks up a wrapping token but
does not unwrap it, unless --unwrap is given.

The exit code is that of the first failed check, or 0 if no check failed.`

// diagnosis is the error of a doctor that found problems.
type diagnosis struct {
	failed, warned int
	first          error // of the failed checks
}

func (d *diagnosis) Error() string {
	return fmt.Sprintf("doctor: %d failed, %d with a warning", d.failed, d.warned)
}

func (d *diagnosis) Unwrap() error { return d.first }

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Providers []string // empty: all
	Roles     []policy.Role
	Strict    bool
	Unwrap    bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	var names []string
	cmd := &cobra.Command{
		Use:   "doctor [PROVIDER...]",
		Short: "Find out why Vault cannot be used, and how to fix it",
		Long:  long,
		Example: "  vaultkit doctor\n" +
			"  vaultkit doctor openai-gpt4 --role rotator\n" +
			"  vaultkit doctor --strict --json",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Providers = args
			for _, name := range names {
				o.Roles = append(o.Roles, policy.Role(name))
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringArrayVar(&names, "role", nil,
		"`role` whose rights the token must have, see vaultkit policy --help; may be repeated (default reader)")
	_ = cmd.RegisterFlagCompletionFunc("role", completeRole) // the flag is there
	cmd.Flags().BoolVar(&o.Strict, "strict", false, "exit with 1 if there are warnings, even if no check failed")
	cmd.Flags().BoolVar(&o.Unwrap, "unwrap", false, "unwrap a wrapping token to log in, which uses it up")
	return cmd
}

// completeRole offers the roles that are not given yet.
func completeRole(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	given, _ := cmd.Flags().GetStringArray("role") // never fails: the flag is one
	left := slices.DeleteFunc(roles.Describe("%s\t%s"), func(line string) bool {
		role, _, _ := strings.Cut(line, "\t")
		return slices.Contains(given, role)
	})
	return completion.Prefixed(typed, left...), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// Run runs all checks and prints the findings. It returns an error if a check failed.
func Run(ctx context.Context, o *Options) error {
	err := o.diagnose(ctx)
	if err != nil && len(o.Roles) > 0 {
		return namelist.Suggest(err, roles.Similar(o.Roles[len(o.Roles)-1]))
	}
	return err
}

func (o *Options) diagnose(ctx context.Context) error {
	options, err := o.Vault.Options()
	if err != nil {
		return err
	}
	ctx, cancel := o.Vault.WithTimeout(ctx)
	defer cancel()
	query := doctor.Query{Providers: o.Providers, Roles: o.Roles, Unwrap: o.Unwrap, Args: o.Vault.Args()}
	found := []doctor.Finding{}
	for one := range doctor.Diagnose(ctx, query, options...) {
		if found = append(found, one); !o.Print.JSON {
			o.Print.Finding(one)
		}
	}
	if o.Print.JSON {
		if err := o.Print.Value(found); err != nil {
			return err
		}
	}
	return outcome(found, o.Strict)
}

// outcome counts the findings, and returns an error if the doctor must fail.
func outcome(found []doctor.Finding, strict bool) error {
	var d diagnosis
	for _, one := range found {
		switch one.Status {
		case doctor.Failed:
			d.failed++
			if d.first == nil {
				d.first = one.Err
			}
		case doctor.Warning:
			d.warned++
		}
	}
	if d.failed > 0 || strict && d.warned > 0 {
		return &d
	}
	return nil
}

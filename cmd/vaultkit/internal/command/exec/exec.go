// Package exec implements vaultkit exec, which runs a command with keys in its
// environment.
package exec

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/envquery"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `Run a command with the fields of providers in its environment, named as in env:
OPENAI_GPT4_API_KEY. Name the providers before the --; without names, exec reads every
provider. The keys are only in the command's environment, in no file and no argument.

vaultkit logs out of Vault before the command starts, and is replaced by the command
(on Windows it waits for the command). The command has vaultkit's process id, terminal,
stdin and signals, and you get its exit code. If the command does not start, the exit
code is 127 (there is no such command), 126 (it cannot be run), or that of the error
from Vault.

The command also gets your environment, without the variables that contain credentials
for Vault or a CI job's OIDC token: a command that uses Vault needs its own login. If a
variable is in both, the command gets the provider's. With --pristine it gets only the
providers' variables, not even PATH.

With --watch, vaultkit keeps running and stays logged in. It restarts the command when
the value of one of its variables changes in Vault: it sends SIGTERM to the command's
process group, SIGKILL after --grace, and starts the command with the newest keys. The
command keeps running while Vault is unavailable, and if its keys are deleted. When the
command ends by itself, vaultkit ends with its exit code, or 128 and the number of the
signal that ended it; with --restart-on-failure, a failure restarts the command instead.
Signals to vaultkit are passed on; SIGTERM ends the command like a restart does, but for
good. --watch does not work on Windows.

A program that can read its keys again needs no restart: --out and --signal write the
keys to a file, not to its environment, and signal it after each change of the file.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Query    vaultkit.EnvQuery
	Pristine bool
	Watch    Watch
	Command  []string
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "exec [PROVIDER...] [flags] -- COMMAND [ARG...]",
		Short: "Run a command with keys in its environment",
		Long:  long,
		Example: "  vaultkit exec -- python app.py\n" +
			"  vaultkit exec openai-gpt4 anthropic --pristine -- /usr/bin/env\n" +
			"  vaultkit exec --watch openai-gpt4 -- python app.py\n" +
			"  vaultkit exec --watch openai-gpt4 --out keys.json --format json --signal HUP -- ./app",
		Args:              usage.CommandAfterDash,
		ValidArgsFunction: o.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			before := cmd.ArgsLenAtDash()
			o.Query.Providers = append(o.Query.Providers, args[:before]...)
			o.Command = args[before:]
			if err := o.Watch.check(cmd.Flags(), o.Pristine); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringArrayVar(&o.Query.Providers, "provider", nil,
		"`name` of a provider, the same as an argument before --; may be repeated (default: every provider)")
	cmd.Flags().StringVar(&o.Query.Prefix, "prefix", "", "`text` to put before each variable name, such as APP_ (default: none)")
	cmd.Flags().BoolVar(&o.Pristine, "pristine", false, "give the command only the providers' variables")
	o.Watch.addFlags(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("signal", cobra.FixedCompletions(signals, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// complete offers providers before the command and files after it. Whether the -- is
// already there is unknown until a word follows it, so the shell may complete files if
// no provider matches.
func (o *Options) complete(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > cmd.ArgsLenAtDash() {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names, _ := o.Complete.Provider(cmd, args, typed)
	return names, cobra.ShellCompDirectiveDefault
}

// Run reads the keys, logs out, and is replaced by the command. With --watch, it stays
// logged in, and supervises the command.
func Run(ctx context.Context, o *Options) error {
	path, err := childproc.Find(o.Command[0])
	if err != nil {
		return childproc.NameProgram(o.Command[0], err)
	}
	if o.Watch.On {
		return watch(ctx, o, path)
	}
	var environ []string
	err = o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		query := o.Query
		defer envquery.Report(o.IO, &query)()
		environ, err = client.Environ(ctx, query)
		return err
	})
	if err != nil {
		return err
	}
	if !o.Pristine {
		environ = childproc.Environment(os.Environ(), o.Vault.Credentials(), environ)
	}
	return childproc.Replace(path, o.Command, environ)
}

package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const execLong = `Run a command with the fields of providers in its environment, named as in env:
OPENAI_GPT4_API_KEY. The providers stand before the --; without any it is every
provider. No file and no argument holds a key; only the command's own environment does.

vaultkit logs out of Vault before the command starts, and becomes the command (on
Windows it waits for it): the command has its process id, its terminal, stdin and
signals, and its exit code is what you get. Before that it is vaultkit's own: 127 when
there is no such command, 126 when it cannot be run, otherwise as for env.

The command gets your environment too, with the providers' variables over it and
without the variables that hold credentials for Vault or a CI job's OIDC token: one
that talks to Vault itself needs its own. With --pristine it gets the providers'
variables and nothing else, no PATH either.`

func (c *cli) execCommand() *cobra.Command {
	var query vaultkit.EnvQuery
	var pristine bool
	cmd := &cobra.Command{
		Use:   "exec [PROVIDER...] [flags] -- COMMAND [ARG...]",
		Short: "Run a command with keys in its environment",
		Long:  execLong,
		Example: "  vaultkit exec -- python app.py\n" +
			"  vaultkit exec openai-gpt4 anthropic --pristine -- /usr/bin/env",
		Args:              usage.CommandAfterDash,
		ValidArgsFunction: c.completeExec,
		RunE: func(cmd *cobra.Command, args []string) error {
			before := cmd.ArgsLenAtDash()
			query.Providers = append(query.Providers, args[:before]...)
			return c.exec(cmd, query, pristine, args[before:])
		},
	}
	cmd.Flags().StringArrayVar(&query.Providers, "provider", nil, "`name` of a provider, as the arguments before --; repeat it for several")
	cmd.Flags().StringVar(&query.Prefix, "prefix", "", "`text` to put before each name, such as APP_")
	cmd.Flags().BoolVar(&pristine, "pristine", false, "give the command the providers' variables alone")
	return cmd
}

// completeExec names providers before the command, and files in it. Whether the --
// stands there yet cannot be seen until a word follows it: so the shell may complete
// files where no provider fits.
func (c *cli) completeExec(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > cmd.ArgsLenAtDash() {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names, _ := c.completeProvider(cmd, args, typed)
	return names, cobra.ShellCompDirectiveDefault
}

func (c *cli) exec(cmd *cobra.Command, query vaultkit.EnvQuery, pristine bool, args []string) error {
	path, err := childproc.Find(args[0])
	if err != nil {
		return err
	}
	var environ []string
	err = c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) (err error) {
		query, done := c.envProgress(query)
		defer done()
		defer c.warnSkipped(&query)()
		environ, err = client.Environ(ctx, query)
		return err
	})
	if err != nil {
		return err
	}
	if !pristine {
		environ = childproc.Environment(os.Environ(), c.Credentials(), environ)
	}
	return childproc.Replace(path, args, environ)
}

// Package env implements vaultkit env, which prints keys as environment variables.
package env

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/envquery"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/envfile"
)

const long = `Print the fields of providers as environment variables, or write them to a file.
Without arguments, env prints every provider and skips deleted ones. The field api_key
of openai-gpt4 becomes OPENAI_GPT4_API_KEY.

env refuses two fields that become the same variable: name only the providers that you
need. A variable name is unsafe if it starts with a digit or changes how programs
behave, such as LD_PRELOAD, GIT_DIR, JAVA_OPTS or GH_PAGER. If you named the provider,
env refuses an unsafe name; otherwise it skips the field with a warning. A --prefix such
as APP_ helps unless the end of the name is the reason, as in JAVA_OPTS.

A value that a format cannot contain unchanged is refused. The formats:

  sh          for source in bash, dash and other POSIX shells
  dotenv      as joho/godotenv, npm's dotenv, python-dotenv and Docker Compose read it
              alike (tried: godotenv 1.5, dotenv 16 and 18, python-dotenv 1.2, Compose 2)
  docker      for docker run --env-file: one line per value
  fish        for source in fish
  powershell  for . file.ps1, or | Invoke-Expression
  github      appends to the file that $GITHUB_ENV names, or --out, for the later
              steps of a job, after printing ::add-mask:: for every value
  json        one object

--out writes a file that only you can read. It replaces a file only if vaultkit wrote
it. It does not follow links, and refuses a directory that belongs to another user or
that everybody can write to. In GitHub Actions, --out first prints ::add-mask:: for
every value; without --out, env prints no masks, except with --format github.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Query  vaultkit.EnvQuery
	Format envfile.Format
	Out    string // empty: standard output
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	var format string
	cmd := &cobra.Command{
		Use:   "env [PROVIDER...]",
		Short: "Print keys as environment variables, or write them to a file",
		Long:  long,
		Example: "  vaultkit env --out .env.vault && source .env.vault\n" +
			"  eval \"$(vaultkit env openai-gpt4)\"\n" +
			"  vaultkit env openai-gpt4 --format github",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Query.Providers = args
			if err := o.parse(format, cmd.Flags().Changed("format")); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&format, "format", string(envfile.Sh), "`name` of the format: "+strings.Join(formats(), ", "))
	cmd.Flags().StringVar(&o.Out, "out", "", "`file` to write, such as .env.vault; -: stdout (default stdout)")
	cmd.Flags().StringVar(&o.Query.Prefix, "prefix", "", "`text` to put before each variable name, such as APP_ (default: none)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func formats() (names []string) {
	for _, format := range envfile.Formats() {
		names = append(names, string(format))
	}
	return names
}

// parse takes the format from --format or --json, and the file from --out.
func (o *Options) parse(format string, given bool) error {
	switch {
	case !slices.Contains(formats(), format):
		return exitcode.UsageErrorf("--format must be one of %s", strings.Join(formats(), ", "))
	case o.Print.JSON && given && format != string(envfile.JSON):
		return exitcode.UsageErrorf("--json and --format %s contradict each other: give one of them", format)
	case o.Print.JSON:
		format = string(envfile.JSON)
	}
	if o.Format = envfile.Format(format); o.Out == "-" {
		o.Out = "" // stdout, as for other programs
	}
	if o.Format == envfile.GitHub {
		return o.parseGitHub()
	}
	return nil
}

// parseGitHub finds the file for the format github. The masks are secrets and go to
// stdout, which must not be that file.
func (o *Options) parseGitHub() error {
	if o.Out == "" {
		o.Out = os.Getenv("GITHUB_ENV")
	}
	if o.Out == "" {
		return exitcode.UsageErrorf("$GITHUB_ENV is not set: outside of GitHub Actions, --format github needs --out")
	}
	if o.IO.Out.IsFile(o.Out) {
		return exitcode.UsageErrorf("--format github appends to that file itself: do not redirect its output there")
	}
	return nil
}

// Run prints the variables, or writes them to a file.
func Run(ctx context.Context, o *Options) error {
	return o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		query := o.Query
		defer envquery.Report(o.IO, &query)()
		if o.Out == "" {
			return o.print(ctx, client, query)
		}
		if o.Format == envfile.GitHub || os.Getenv("GITHUB_ACTIONS") == "true" {
			query.Masks = terminal.StrictWriter{Stream: o.IO.Out} // the runner must know the masks before a key is written
		}
		names, err := client.WriteEnvFile(ctx, o.Out, o.Format, query)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.IO.Err, "Wrote %d variables to %s: %s\n", len(names), o.Out, namelist.First(names, envquery.MostNames))
		return nil
	})
}

func (o *Options) print(ctx context.Context, client *vaultkit.Client, query vaultkit.EnvQuery) error {
	skipped, note := false, query.Skipped
	query.Skipped = func(provider, field string, why error) {
		skipped = true
		note(provider, field, why)
	}
	environ, err := client.Environ(ctx, query)
	if err != nil {
		return err
	}
	if len(environ) == 0 && !skipped {
		fmt.Fprintln(o.IO.Err, render.NoProviders)
	}
	return envfile.Encode(o.IO.Out, o.Format, environ)
}

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

const envLong = `Print the fields of providers as environment variables, or write them to a file.
Without arguments it is every provider; deleted ones are left out. Field api_key of
openai-gpt4 becomes OPENAI_GPT4_API_KEY. Two fields with one name are refused: name the
providers to leave one out. Of a provider that you name, so are names that start with a
digit and names that steer programs: by their first words, such as LD_PRELOAD or
GIT_DIR, or by their last one, such as JAVA_OPTS or GH_PAGER. Of other providers, such
fields are left out with a warning. A --prefix before the names helps, such as APP_.

The formats, each of which writes a value so that it is read back byte for byte, or
refuses it:

  sh          for source in bash, dash and other POSIX shells
  dotenv      as joho/godotenv, npm's dotenv, python-dotenv and Docker Compose read it
              alike (tried: godotenv 1.5, dotenv 16 and 18, python-dotenv 1.2, Compose 2)
  docker      for docker run --env-file: one line a value
  fish        for source in fish
  powershell  for . file.ps1, or | Invoke-Expression
  github      appends to the file that $GITHUB_ENV names, or --out, for the later
              steps of a job, after printing ::add-mask:: for every value
  json        one object

--out writes a file that you alone can read. It replaces one that vaultkit wrote, and
nothing else; it does not follow links, and refuses a directory of another user or one
that everybody can write to. In GitHub Actions it prints ::add-mask:: first. What goes
to stdout is data there too and is not masked.`

// envFlags are what env is asked for.
type envFlags struct {
	query  vaultkit.EnvQuery
	format string
	out    string
}

func (c *cli) envCommand() *cobra.Command {
	var f envFlags
	cmd := &cobra.Command{
		Use:   "env [PROVIDER...]",
		Short: "Print keys as environment variables, or write them to a file",
		Long:  envLong,
		Example: "  vaultkit env --out .env.vault && source .env.vault\n" +
			"  eval \"$(vaultkit env openai-gpt4)\"\n" +
			"  vaultkit env openai-gpt4 --format github",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.query.Providers = args
			format, err := c.envFormat(f.format, cmd.Flags().Changed("format"))
			if err != nil {
				return err
			}
			return c.env(cmd, f, format)
		},
	}
	cmd.Flags().StringVar(&f.format, "format", string(vaultkit.EnvSh), "`name` of the format: "+strings.Join(envFormats(), ", "))
	cmd.Flags().StringVar(&f.out, "out", "", "`file` to write, such as .env.vault (default, and for -: stdout)")
	cmd.Flags().StringVar(&f.query.Prefix, "prefix", "", "`text` to put before each name, such as APP_")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(envFormats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func envFormats() (names []string) {
	for _, format := range vaultkit.EnvFormats() {
		names = append(names, string(format))
	}
	return names
}

// envFormat is what --format says, or --json.
func (c *cli) envFormat(name string, given bool) (vaultkit.EnvFormat, error) {
	switch {
	case !slices.Contains(envFormats(), name):
		return "", exitcode.UsageErrorf("--format must be one of %s", strings.Join(envFormats(), ", "))
	case c.JSON && given && name != string(vaultkit.EnvJSON):
		return "", exitcode.UsageErrorf("--json and --format %s contradict each other", name)
	case c.JSON:
		return vaultkit.EnvJSON, nil
	}
	return vaultkit.EnvFormat(name), nil
}

func (c *cli) env(cmd *cobra.Command, f envFlags, format vaultkit.EnvFormat) error {
	if f.out == "-" {
		f.out = "" // stdout, as for other programs
	}
	if format == vaultkit.EnvGitHub {
		if err := c.githubFile(&f); err != nil {
			return err
		}
	}
	if f.out != "" && (format == vaultkit.EnvGitHub || os.Getenv("GITHUB_ACTIONS") == "true") {
		f.query.Masks = terminal.StrictWriter{Stream: c.Out} // a key may be written only once the runner masks it
	}
	return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
		query, done := c.envProgress(f.query)
		defer done()
		defer c.warnSkipped(&query)()
		if f.out == "" {
			return c.printEnv(ctx, client, format, query)
		}
		names, err := client.WriteEnvFile(ctx, f.out, format, query)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.Err, "Wrote %d variables to %s: %s\n", len(names), f.out, namelist.First(names, mostNames))
		return nil
	})
}

// githubFile is where the format github goes to. The masks, which are secrets, go to
// stdout, and not into that file.
func (c *cli) githubFile(f *envFlags) error {
	if f.out == "" {
		f.out = os.Getenv("GITHUB_ENV")
	}
	if f.out == "" {
		return exitcode.UsageErrorf("--format github needs --out outside of GitHub Actions: there is no $GITHUB_ENV")
	}
	if c.Out.IsFile(f.out) {
		return exitcode.UsageErrorf("--format github appends to that file itself: do not redirect its output there")
	}
	return nil
}

func (c *cli) printEnv(ctx context.Context, client *vaultkit.Client, format vaultkit.EnvFormat, query vaultkit.EnvQuery) error {
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
		fmt.Fprintln(c.Err, render.NoProviders)
	}
	return vaultkit.EncodeEnv(c.Out, format, environ)
}

// envProgress shows on a terminal how many providers are read.
func (c *cli) envProgress(query vaultkit.EnvQuery) (shown vaultkit.EnvQuery, done func()) {
	step, end := func() {}, func() {}
	query.Progress = func(done, total int) {
		if done == 0 {
			step, end = c.Progress("reading", total)
			return
		}
		step()
	}
	return query, func() { end() }
}

// mostNames is how many names a line for people lists.
const mostNames = 20

// warnSkipped has the fields left out that no variable can be named after, and warns
// of them in the end, once for each provider. It also warns of secrets without fields.
func (c *cli) warnSkipped(query *vaultkit.EnvQuery) (warn func()) {
	var providers []string
	skipped := make(map[string][]string)
	query.Skipped = func(provider, field string, _ error) {
		if field == "" {
			c.Warn("%s has no fields", provider)
			return
		}
		if skipped[provider] == nil {
			providers = append(providers, provider)
		}
		skipped[provider] = append(skipped[provider], terminal.Cell(field))
	}
	return func() {
		for _, provider := range providers {
			c.Warn("left out: %s of %s, for which there is no safe name; a --prefix such as APP_ helps", namelist.First(skipped[provider], mostNames), provider)
		}
	}
}

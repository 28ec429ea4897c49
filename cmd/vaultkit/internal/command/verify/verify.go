// Package verify implements vaultkit verify, which tells whether the keys in force work.
package verify

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/completion"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/keycheck"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/verify"
)

const long = `Try the keys in force at the providers' APIs, with requests that cost nothing, and
tell whether they work. Without arguments, verify tries the key of every provider.

The outcome for a key is one of:
  works      the API accepts the key
  rejected   the API does not accept the key (401); the exit code is 3
  unknown    the response does not tell, for instance because of a rate limit, a key with
             restricted rights, or no network; the exit code is 7 if no key is rejected

The first word of a provider's name chooses the API: the key of openai-gpt4 is tried at
OpenAI. --with chooses another API. Without --with, a name with a second word such as
azure, bedrock, local or proxy is unknown, because its key may belong to another server.

The key is sent in a header to this API only, over TLS; to this machine also without.
No redirect is followed. verify needs the policy of the reader role.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Providers []string // empty: all
	With      []string
	Field     string
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "verify [PROVIDER...]",
		Short: "Tell whether the keys in force work",
		Long:  long,
		Example: "  vaultkit verify\n" +
			"  vaultkit verify openai-gpt4 --json\n" +
			"  vaultkit verify local-llama --with local-llama=http://localhost:8000",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Providers = args
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringArrayVar(&o.With, "with", nil,
		"the API at which the key of a provider is tried: `PROVIDER=API`, where API is "+keycheck.Help()+
			"; may be repeated (default: by the provider's name)")
	cmd.Flags().StringVar(&o.Field, "field", "api_key", "`name` of the field with the key")
	_ = cmd.RegisterFlagCompletionFunc("with", o.completeWith) // the flag is there
	return cmd
}

// completeWith completes PROVIDER= and then the name of an API.
func (o *Options) completeWith(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var offered []string
	if provider, _, ok := strings.Cut(typed, "="); ok {
		for _, api := range verify.Names() {
			offered = append(offered, provider+"="+api)
		}
		return completion.Prefixed(typed, offered...), cobra.ShellCompDirectiveNoFileComp
	}
	providers, directive := o.Complete.Provider(cmd, nil, typed)
	for _, provider := range providers {
		offered = append(offered, provider+"=")
	}
	return offered, directive | cobra.ShellCompDirectiveNoSpace
}

// Run tries the keys and prints the outcomes. It returns an error unless all of them work.
func Run(ctx context.Context, o *Options) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	var tried []attempt
	err = o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		tried, err = o.tryAll(ctx, client, chosen)
		return err
	})
	if err != nil {
		return err
	}
	results, failures := split(tried)
	if len(results) == 0 && len(failures) == 0 {
		return o.Vault.NoProviderError()
	}
	if len(results) > 0 || o.Print.JSON {
		if err := o.print(results); err != nil {
			return err
		}
	}
	return o.outcome(results, failures)
}

// chosen returns the APIs of --with, by provider.
func (o *Options) chosen() (map[string]string, error) {
	chosen := make(map[string]string)
	for i, one := range o.With {
		provider, api, ok := strings.Cut(one, "=")
		switch {
		case !ok || provider == "":
			return nil, exitcode.UsageErrorf("--with number %d does not have the form PROVIDER=API", i+1)
		case chosen[provider] != "":
			return nil, exitcode.UsageErrorf("--with number %d names a provider that an earlier one names", i+1)
		}
		if _, err := keycheck.New("with", api); err != nil {
			return nil, err
		}
		chosen[provider] = api
	}
	return chosen, nil
}

// print prints the table, or the results as JSON.
func (o *Options) print(results []Result) error {
	if o.Print.JSON {
		return o.Print.Value(render.OrEmpty(results))
	}
	t := o.Print.Table("", "PROVIDER", "API", "OUTCOME", "DETAIL")
	for _, r := range results {
		t.Row(r.Provider, terminal.Cell(r.API), string(r.Outcome), terminal.Cell(r.Detail))
	}
	return t.Flush()
}

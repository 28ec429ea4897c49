// Package put implements vaultkit put, which stores the first secret of a provider.
package put

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/flagtype"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
	"goblin/vaultkit/envfile"
)

const long = `Store the first secret of a provider. It never replaces a secret: use rotate for that,
which keeps a backup. If the provider already has exactly these fields, put changes
nothing and succeeds.

Each field says where its value comes from:
  FIELD=@file   the content of a file
  FIELD=-       standard input, for one field; on a terminal you are asked for
                each such field in turn, and your input is not shown
  FIELD=value   the value itself, which other users of this machine can see in the
                list of processes while the command runs

put refuses names that env and exec cannot turn into a variable, unless --allow-any-name
is given: for the provider 3com, no variable can be called 3COM_API_KEY. One newline at
the end of a file or pipe is dropped. put refuses control and invisible characters in a
value unless --allow-control is given.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Provider       string
	Fields         []string // FIELD=@file, FIELD=- or FIELD=value
	AllowControl   bool
	AllowAnyName   bool
	ReplaceDeleted bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "put PROVIDER FIELD=@file|FIELD=-|FIELD=value...",
		Short: "Store the first secret of a provider",
		Long:  long,
		Example: "  vaultkit put openai-gpt4 api_key=@key.txt\n" +
			"  pass show openai | vaultkit put openai-gpt4 api_key=- organization=@org.txt",
		Args:              usage.AtLeast(2),
		ValidArgsFunction: cobra.NoFileCompletions, // existing providers already have their first secret
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Provider, o.Fields = args[0], args[1:]
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.AllowControl, "allow-control", false, flagtype.AllowControlHelp)
	cmd.Flags().BoolVar(&o.AllowAnyName, "allow-any-name", false,
		"store the secret even if env and exec need --prefix to turn a field into a variable")
	cmd.Flags().BoolVar(&o.ReplaceDeleted, "replace-deleted", false, "store the secret although the current version is deleted or destroyed")
	return cmd
}

// Run reads the values and stores them.
func Run(ctx context.Context, o *Options) error {
	keys, err := flagtype.SecretReader{IO: o.IO, AllowControl: o.AllowControl}.Fields(ctx, o.Fields)
	if err == nil && !o.AllowAnyName {
		err = checkEnvNames(o.Provider, keys)
	}
	if err != nil {
		return err
	}
	var version int
	done := "Stored %s, version %d: %s."
	err = o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) (err error) {
		version, err = client.PutProviderKeys(ctx, o.Provider, keys, o.options()...)
		if same := sameSecret(ctx, client, o.Provider, keys, err); same > 0 {
			version, done, err = same, "%s already has this secret, version %d: %s. Nothing was changed.", nil
		}
		return err
	})
	if err != nil {
		return o.failure(ctx, err)
	}
	return render.OutputError(fmt.Sprintf("%s is stored, version %d", o.Provider, version), o.print(done, version, keys))
}

func (o *Options) options() []vaultkit.PutOption {
	if o.ReplaceDeleted {
		return []vaultkit.PutOption{vaultkit.ReplaceDeleted()}
	}
	return nil
}

// checkEnvNames refuses names that env and exec cannot turn into variables.
func checkEnvNames(provider string, keys vaultkit.ProviderKeys) error {
	for _, field := range keys.Fields() {
		_, err := envfile.Name("", provider, field)
		if why, ok := errors.AsType[*vaultkit.Error](err); ok && why.Field != "" { // the provider's own name is checked by put itself
			return exitcode.WithHint(err, "To store it anyway, add --allow-any-name.")
		}
	}
	return nil
}

// sameSecret returns the current version if it has exactly the fields that a failed put
// wanted to store; otherwise 0.
func sameSecret(ctx context.Context, client *vaultkit.Client, provider string, keys vaultkit.ProviderKeys, failed error) int {
	why, ok := errors.AsType[*vaultkit.Error](failed)
	if !ok || !errors.Is(failed, vaultkit.ErrConflict) {
		return 0
	}
	stored, err := client.GetProviderKeys(ctx, provider)
	if err != nil || !maps.Equal(stored, keys) {
		return 0 // unknown: the token may not read
	}
	return why.Version
}

func (o *Options) print(done string, version int, keys vaultkit.ProviderKeys) error {
	if o.Print.JSON {
		return o.Print.Value(struct {
			Provider string `json:"provider"`
			Version  int    `json:"version"`
		}{o.Provider, version})
	}
	_, err := fmt.Fprintf(o.IO.Out, done+"\n", o.Provider, version, terminal.Printable(strings.Join(keys.Fields(), ", ")))
	return err
}

// failure adds to the error of a put what Vault holds.
func (o *Options) failure(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, vaultkit.ErrUndetermined):
		return exitcode.WithHint(err, "It is not known yet whether the secret was stored.\n"+
			"To see whether there is one, run: vaultkit status "+o.Provider+o.Vault.Args())
	case err != nil && ctx.Err() != nil:
		return exitcode.WithHint(err, "Interrupted before anything was stored.")
	}
	return err
}

// Package get implements vaultkit get, which prints keys.
package get

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Provider string
	Field    string
	All      bool
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "get PROVIDER",
		Short: "Print one key of a provider",
		Long: `Print one field of the provider's current secret and a newline, and nothing else.
In a script: key=$(vaultkit get openai-gpt4).

With --all, print every field as one JSON object, {"api_key": "...", ...}. With --all
and --json, that object is the value of "fields", next to the provider's name.`,
		Example: "  vaultkit get openai-gpt4\n  vaultkit get openai-gpt4 --field organization\n" +
			"  vaultkit get openai-gpt4 --all | jq -r .organization",
		Args: usage.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Provider = args[0]
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Field, "field", "api_key", "`name` of the field to print")
	cmd.Flags().BoolVar(&o.All, "all", false, "print every field, as a JSON object")
	cmd.MarkFlagsMutuallyExclusive("field", "all")
	return cmd
}

// Run prints a field of a provider, or all of them.
func Run(ctx context.Context, o *Options) error {
	return o.Vault.With(ctx, func(ctx context.Context, client *vaultkit.Client) error {
		if o.All {
			return o.printAll(ctx, client)
		}
		return o.printField(ctx, client)
	})
}

func (o *Options) printAll(ctx context.Context, client *vaultkit.Client) error {
	keys, err := client.GetProviderKeys(ctx, o.Provider)
	if err != nil {
		return err
	}
	fields := map[string]string(keys) // ProviderKeys would not show its values
	if !o.Print.JSON {
		return o.Print.Value(fields)
	}
	return o.Print.Value(struct {
		Provider string            `json:"provider"`
		Fields   map[string]string `json:"fields"`
	}{o.Provider, fields})
}

func (o *Options) printField(ctx context.Context, client *vaultkit.Client) error {
	value, err := client.GetField(ctx, o.Provider, o.Field)
	if err != nil {
		return err
	}
	if o.Print.JSON {
		return o.Print.Value(struct {
			Provider string `json:"provider"`
			Field    string `json:"field"`
			Value    string `json:"value"`
		}{o.Provider, o.Field, value})
	}
	_, err = fmt.Fprintln(o.IO.Out, value)
	return err
}

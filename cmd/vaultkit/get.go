package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

func (c *cli) getCommand() *cobra.Command {
	var field string
	var all bool
	cmd := &cobra.Command{
		Use:   "get PROVIDER",
		Short: "Print one key of a provider",
		Long: `Print one field of the provider's current secret and a newline, and nothing
else: key=$(vaultkit get openai-gpt4) is what scripts want.

With --all, print every field as one JSON object, {"api_key": "...", ...}; with
--json too, it stands below "fields" beside the provider's name.`,
		Example: "  vaultkit get openai-gpt4\n  vaultkit get openai-gpt4 --field organization\n" +
			"  vaultkit get openai-gpt4 --all | jq -r .organization",
		Args: usage.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.With(cmd.Context(), func(ctx context.Context, client *vaultkit.Client) error {
				if all {
					return c.getAll(ctx, client, args[0])
				}
				return c.get(ctx, client, args[0], field)
			})
		},
	}
	cmd.Flags().StringVar(&field, "field", vaultkit.FieldAPIKey, "`name` of the field to print")
	cmd.Flags().BoolVar(&all, "all", false, "print every field, as a JSON object")
	cmd.MarkFlagsMutuallyExclusive("field", "all")
	return cmd
}

func (c *cli) getAll(ctx context.Context, client *vaultkit.Client, provider string) error {
	keys, err := client.GetProviderKeys(ctx, provider)
	if err != nil {
		return err
	}
	fields := map[string]string(keys) // ProviderKeys would not show its values
	if !c.JSON {
		return c.Value(fields)
	}
	return c.Value(struct {
		Provider string            `json:"provider"`
		Fields   map[string]string `json:"fields"`
	}{provider, fields})
}

func (c *cli) get(ctx context.Context, client *vaultkit.Client, provider, field string) error {
	value, err := client.GetField(ctx, provider, field)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.Value(struct {
			Provider string `json:"provider"`
			Field    string `json:"field"`
			Value    string `json:"value"`
		}{provider, field, value})
	}
	_, err = fmt.Fprintln(c.Out, value)
	return err
}

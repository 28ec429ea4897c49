package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
)

func (c *cli) getCommand() *cobra.Command {
	var field string
	cmd := &cobra.Command{
		Use:   "get PROVIDER",
		Short: "Print one key of a provider",
		Long: `Print one field of the provider's current secret and a newline, and nothing
else: key=$(vaultkit get openai-gpt4) is what scripts want.`,
		Example: "  vaultkit get openai-gpt4\n  vaultkit get openai-gpt4 --field organization",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *vaultkit.Client) error {
				return c.get(ctx, client, args[0], field)
			})
		},
	}
	cmd.Flags().StringVar(&field, "field", vaultkit.FieldAPIKey, "`name` of the field to print")
	return cmd
}

func (c *cli) get(ctx context.Context, client *vaultkit.Client, provider, field string) error {
	value, err := client.GetField(ctx, provider, field)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(struct {
			Provider string `json:"provider"`
			Field    string `json:"field"`
			Value    string `json:"value"`
		}{provider, field, value})
	}
	_, err = fmt.Fprintln(c.Out, value)
	return err
}

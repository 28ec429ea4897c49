package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
	"goblin/vaultkit/internal/devvault"
)

const devLong = `Run a real, throw-away Vault on this machine until Ctrl-C. Its data is in memory
and gone after that. It is the vault or bao that VAULTKIT_VAULT_BIN names, or the
one on PATH, or else one that is compiled once, which takes some minutes.

Standard output gets the two exports that lead to it and nothing else, the root
token of that Vault included, on purpose: the token is good for nothing else.`

func (c *cli) devCommand() *cobra.Command {
	var port int
	var seed bool
	cmd := &cobra.Command{
		Use:     "dev",
		Short:   "Run a throw-away Vault until Ctrl-C",
		Long:    devLong,
		Example: "  vaultkit dev\n  vaultkit dev --seed --port 0   # demo providers, any free port",
		Args:    usage.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.refuseConnection(cmd); err != nil {
				return err
			}
			if port < 0 || port > 65535 {
				return exitcode.UsageErrorf("--port must be 0 to 65535")
			}
			return c.dev(cmd.Context(), port, seed)
		},
	}
	cmd.Flags().IntVar(&port, "port", 8200, "`port` to listen on, on 127.0.0.1 only; 0: a free one")
	cmd.Flags().BoolVar(&seed, "seed", false, "store demo providers, local-llama and openai-gpt4, with obvious fakes as keys")
	return cmd
}

// refuseConnection keeps a command that brings its own Vault from ignoring that
// the user named another.
func (c *cli) refuseConnection(cmd *cobra.Command) error {
	if name, given := c.FlagGiven(); given {
		return exitcode.UsageErrorf("%s runs a Vault of its own: --%s has no use there", cmd.Name(), name)
	}
	return nil
}

func (c *cli) dev(ctx context.Context, port int, seed bool) (err error) {
	server, err := devvault.Start(ctx, devvault.Options{UsePath: true, Log: c.Err, Port: port})
	if taken, ok := errors.AsType[*net.OpError](err); ok && taken.Op == "listen" {
		return exitcode.WithHint(err, "Choose another port with --port, or any free one with --port 0.")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	try := devStore
	if seed {
		if err := seedProviders(ctx, server); err != nil {
			return fmt.Errorf("the demo providers are not stored: %w", err)
		}
		try = devSeeded
	}
	fmt.Fprintf(c.Err, "Vault %s is running. In another terminal:\n\n", server.Version())
	if _, err := fmt.Fprintf(c.Out, "export VAULT_ADDR=%s\nexport VAULT_TOKEN=%s\n", server.Addr(), terminal.ShellWord(server.RootToken())); err != nil {
		return err
	}
	fmt.Fprintf(c.Err, devText, try)
	<-ctx.Done()
	fmt.Fprintln(c.Err, "Stopping the Vault; its data goes with it.")
	return nil
}

// seedProviders stores what a person may play with.
func seedProviders(ctx context.Context, server *devvault.Server) (err error) {
	client, err := openServer(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	for provider, keys := range map[string]vaultkit.ProviderKeys{
		"local-llama": {vaultkit.FieldAPIKey: "demo", "api_secret": "demo"},
		demoProvider:  {vaultkit.FieldAPIKey: demoOldKey},
	} {
		if _, err := client.PutProviderKeys(ctx, provider, keys); err != nil {
			return err
		}
	}
	return nil
}

// The first thing to try.
const (
	devStore  = "printf sk-demo-old | vaultkit put openai-gpt4 api_key=-"
	devSeeded = "vaultkit list"
)

const devText = `
Then try (obvious fakes will do as keys):

%s
vaultkit get openai-gpt4
printf sk-demo-new | vaultkit rotate openai-gpt4 --new-key-stdin --reason 'trying it out'
vaultkit history openai-gpt4
vaultkit rollback openai-gpt4

Ctrl-C stops it.
`

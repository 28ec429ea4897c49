// Package dev implements vaultkit dev, which runs a temporary Vault.
package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/sandbox"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `Run a temporary Vault on this machine until Ctrl-C. Its data is in memory and is lost
then. It is a real Vault: dev runs the vault or bao program that VAULTKIT_VAULT_BIN
names, or else the one on PATH. If there is none, it compiles one, which takes some
minutes the first time.

--in-memory runs a server that is a part of this program instead. It answers as Vault
does and starts at once, but it is no real Vault.

Standard output gets only the two export lines for that Vault. They contain its root
token on purpose: it is valid for this Vault only.`

const defaultPort = 8200 // Vault's own

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Port      int // 0: a free one
	Seed      bool
	InMemory  bool
	RootToken string // "": a random one
}

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a temporary Vault until Ctrl-C",
		Long:  long,
		Example: "  vaultkit dev\n  vaultkit dev --seed --port 0   # demo providers, any free port\n" +
			"  vaultkit dev --root-token root # a token that scripts know beforehand",
		Args: usage.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Vault.RefuseFlags(cmd); err != nil {
				return err
			}
			if strings.ContainsFunc(o.RootToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return exitcode.UsageErrorf("--root-token must have no spaces and only ASCII characters")
			}
			if o.Port < 0 || o.Port > 65535 {
				return exitcode.UsageErrorf("--port must be 0 to 65535")
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().IntVar(&o.Port, "port", defaultPort, "TCP `port` on 127.0.0.1 to listen on; 0: any free port")
	cmd.Flags().BoolVar(&o.InMemory, "in-memory", false, "run the server that is a part of this program, and no real Vault")
	cmd.Flags().StringVar(&o.RootToken, "root-token", "", "`token` that may do everything, such as root (default a random one)")
	cmd.Flags().BoolVar(&o.Seed, "seed", false, "store demo providers, local-llama and openai-gpt4, with fake keys")
	return cmd
}

// Run runs a Vault until ctx ends.
func Run(ctx context.Context, o *Options) (err error) {
	start, running := sandbox.StartReal, "%s is running"
	if o.InMemory {
		start, running = sandbox.StartInMemory, "An in-process server that answers like %s is running"
	}
	server, err := start(ctx, sandbox.Options{Log: o.IO.Err, Port: o.Port, RootToken: o.RootToken})
	if taken, ok := errors.AsType[*net.OpError](err); ok && taken.Op == "listen" {
		return exitcode.WithHint(err, "Choose another port with --port, or any free one with --port 0.")
	}
	if errors.Is(err, sandbox.ErrNoServer) {
		return exitcode.WithHint(err, "Or add --in-memory, which needs no server program.")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	try := tryStore
	if o.Seed {
		if err := seedProviders(ctx, server); err != nil {
			return fmt.Errorf("storing the demo providers failed: %w", err)
		}
		try = trySeeded
	}
	fmt.Fprintf(o.IO.Err, running+", process %d. In another terminal:\n\n", server.Name(), os.Getpid())
	token := terminal.ShellWord(server.RootToken())
	if _, err := fmt.Fprintf(o.IO.Out, "export VAULT_ADDR=%s\nexport VAULT_TOKEN=%s\n", server.Addr(), token); err != nil {
		return err
	}
	fmt.Fprintf(o.IO.Err, text, try, os.Getpid(), o.flags())
	<-ctx.Done()
	fmt.Fprintln(o.IO.Err, "Stopping the server; its data is lost.")
	return nil
}

// flags returns the flags that were given, but for the token.
func (o *Options) flags() (text string) {
	if o.InMemory {
		text += " --in-memory"
	}
	if o.Seed {
		text += " --seed"
	}
	if o.Port != defaultPort {
		text += fmt.Sprint(" --port ", o.Port)
	}
	return text
}

// seedProviders stores demo providers.
func seedProviders(ctx context.Context, server sandbox.Server) (err error) {
	client, err := sandbox.Open(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	for provider, keys := range map[string]vaultkit.ProviderKeys{
		"local-llama":    {"api_key": "demo", "api_secret": "demo"},
		sandbox.Provider: {"api_key": sandbox.OldKey},
	} {
		if _, err := client.PutProviderKeys(ctx, provider, keys); err != nil {
			return err
		}
	}
	return nil
}

// The first command that dev suggests.
const (
	tryStore  = "printf sk-demo-old | vaultkit put openai-gpt4 api_key=-"
	trySeeded = "vaultkit list"
)

const text = `
Then try this, with fake keys:

%s
vaultkit get openai-gpt4
printf sk-demo-new | vaultkit rotate openai-gpt4 --new-key-stdin --reason 'trying it out'
vaultkit history openai-gpt4
vaultkit rollback openai-gpt4

Ctrl-C stops it, and so does "kill %d" in another terminal. To run it in the background:

(umask 077; exec vaultkit dev%s >vault.env 2>dev.log) &
. ./vault.env   # when the file has two lines
kill $!         # stops it
`

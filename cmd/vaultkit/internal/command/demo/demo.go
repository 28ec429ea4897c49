// Package demo implements vaultkit demo, which shows every feature on a temporary Vault.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/connection"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/sandbox"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

const long = `Show every feature on a temporary server: store a key, read it, rotate it, show the
backup and the audit record, crash during a rotation and recover, roll back. Everything
is deleted afterwards.

The server is a part of this program. It answers as Vault does, but it is no real Vault.
With --server vault, demo runs the vault or bao program that VAULTKIT_VAULT_BIN names,
or else the one on PATH. If there is none, it compiles one, which takes some minutes the
first time.`

// Options are the arguments and flags of the command.
type Options struct {
	command.Deps
	Server string // memory or vault
}

// The servers that the demo can run on.
const (
	inMemory  = "memory"
	realVault = "vault"
)

// NewCommand returns the command. It parses, and calls run with the Options.
func NewCommand(deps command.Deps, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "Show every feature on a temporary server",
		Long:    long,
		Example: "  vaultkit demo\n  vaultkit demo --server vault   # on a real Vault",
		Args:    usage.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := deps.Vault.RefuseFlags(cmd); err != nil {
				return err
			}
			if o.Server != inMemory && o.Server != realVault {
				return exitcode.UsageErrorf("--server must be %s or %s", inMemory, realVault)
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Server, "server", inMemory, "`kind` of server to run on: memory, a part of this program; vault, a real Vault")
	return cmd
}

// The later keys of the demo, and the default path of its secrets.
const (
	newKey   = "sk-demo-new-not-a-real-key"
	newerKey = "sk-demo-newer-not-a-real-key"
	basePath = connection.DefaultMount + "/" + connection.DefaultBase + "/"

	// commitPath is the path of the request that commits a rotation.
	commitPath = "/v1/" + connection.DefaultMount + "/data/" + connection.DefaultBase + "/providers/" + sandbox.Provider
)

// demo is the state of a run of the demo.
type demo struct {
	*output
	server  sandbox.Server
	client  *vaultkit.Client
	crashed string // the id of the rotation that crashed
}

// Run runs the steps of the demo, and always stops the server.
func Run(ctx context.Context, o *Options) error {
	d := &demo{output: &output{out: o.IO.Out}}
	d.say("vaultkit keeps the API keys of AI providers in HashiCorp Vault. This demo starts a\n" +
		"temporary server, shows each step on it, and deletes it at the end. The keys are fake,\n" +
		"so the demo prints them; of other commands, only get and env print a key.")
	start, running := sandbox.StartInMemory, "\nAn in-process server that answers like %s runs at %s. It is no real\nVault; --server vault starts one."
	if o.Server == realVault {
		start, running = sandbox.StartReal, "\n%s is running at %s."
	}
	server, err := start(ctx, sandbox.Options{Log: o.IO.Err})
	if err != nil {
		return err
	}
	d.server = server
	d.say(running, server.Name(), server.Addr())
	err = d.runSteps(ctx)
	if stopErr := server.Stop(); err != nil || stopErr != nil {
		return errors.Join(err, stopErr)
	}
	d.say("%s", end)
	return d.err
}

// runSteps opens a client and runs the steps in order.
func (d *demo) runSteps(ctx context.Context) (err error) {
	if d.client, err = d.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.client.Close()) }()
	for i, step := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Store a provider's key", d.storeKey},
		{"Read it, as a service does", d.readKey},
		{"Rotate it", d.rotateKey},
		{"Look at the backup and the audit record", d.showRecord},
		{"Crash half-way, and recover", d.crashAndRecover},
		{"Roll back", d.rollBack},
	} {
		d.say("\n%d. %s\n", i+1, step.title)
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("step %d, %q, failed: %w", i+1, step.title, err)
		}
		if d.err != nil {
			return d.err // the output is closed
		}
	}
	return nil
}

// open returns a client of the demo's Vault.
func (d *demo) open(ctx context.Context, more ...vaultkit.Option) (*vaultkit.Client, error) {
	return sandbox.Open(ctx, d.server, more...)
}

// crash is a transport that simulates a crash at the worst moment: Vault has applied
// the commit, and the program does not receive the response.
type crash struct {
	http.RoundTripper
	cancel context.CancelFunc
}

// RoundTrip forwards every request, and drops the response to the commit.
func (c *crash) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(r)
	if err != nil || r.Method != http.MethodPut || r.URL.Path != commitPath {
		return response, err
	}
	c.cancel()
	return nil, errors.Join(errors.New("the connection was lost"), response.Body.Close())
}

const end = `
7. The end

The server is stopped and all its data is deleted. What to type next:

  vaultkit dev --in-memory              # a temporary server; leave it running
  export VAULT_ADDR=...                 # in another terminal, the two lines
  export VAULT_TOKEN=...                # that "vaultkit dev" prints

  printf sk-demo-old | vaultkit put openai-gpt4 api_key=-
  vaultkit get openai-gpt4
  printf sk-demo-new | vaultkit rotate openai-gpt4 --new-key-stdin
  vaultkit history openai-gpt4
  vaultkit rollback openai-gpt4

In a checkout, type "go run ./cmd/vaultkit" instead of "vaultkit". The README shows
the same in Go, and docs/rotation.md what is guaranteed when something fails.`

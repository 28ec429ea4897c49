package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/connection"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"

	"github.com/spf13/cobra"
)

// cli is one run of the program: its streams, and what its flags say.
type cli struct {
	*terminal.IO
	*connection.Connection
	*render.Printer
	started bool // a command's work has begun: errors are no longer about the call
}

func newCLI(std terminal.Streams) *cli {
	io := terminal.New(std)
	return &cli{IO: io, Connection: connection.New(io), Printer: render.New(io)}
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, std terminal.Streams) int {
	c := newCLI(std)
	root := c.root()
	// A copy that is never nil: cobra takes nil for "use os.Args".
	root.SetArgs(append([]string{}, args...))
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case c.Out.Failed() != nil: // cobra may have printed, which does not look at that
		err = cmp.Or(err, c.Out.Failed())
	case err != nil && !c.started:
		err = &exitcode.UsageError{Err: usageError(cmd, args, err)}
	}
	c.report(cmd, err)
	if signal := endedBy(ctx); signal != "" && err != nil {
		fmt.Fprintf(c.Err, "Ended by a signal: %s.\n", signal)
	}
	return exitcode.Of(err)
}

// endedBy names the signal that has ended a context; empty: none has. The cause that
// signal.NotifyContext gives is a context.Canceled with another text.
func endedBy(ctx context.Context) string {
	cause := context.Cause(ctx)
	if cause == nil || cause.Error() == context.Canceled.Error() {
		return ""
	}
	return strings.TrimSuffix(cause.Error(), " signal received")
}

const rootLong = `vaultkit keeps the API keys of AI providers in HashiCorp Vault, one secret for
each provider, and rotates them without ever losing one.

The connection comes from the environment (VAULT_ADDR, VAULT_TOKEN and the other
variables of the Vault CLI, and VAULTKIT_MOUNT, VAULTKIT_BASE, VAULTKIT_AUTH) or
from flags, which win. To try it without a Vault of your own:

  vaultkit demo     tells the whole story on a throw-away Vault
  vaultkit dev      runs a throw-away Vault for you to play with

On a terminal, lists have headings and aligned columns, and colours unless NO_COLOR
is set. Elsewhere they are plain tab-separated values, "-" for an empty one: made
for cut and awk. --json has everything, with names that stay.

Exit codes:
  0 done                            5 conflict, not applied
  1 another failure                 6 permission denied, or not logged in
  2 wrong usage or invalid input    7 Vault is unavailable
  3 a key is due (status)           8 outcome undetermined: vaultkit recover
  4 not found, or deleted           9 nothing to change`

func (c *cli) root() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:           "vaultkit COMMAND",
		Short:         "Read and rotate provider keys in HashiCorp Vault",
		Long:          rootLong,
		Example:       "  vaultkit demo\n  vaultkit get openai-gpt4\n  vaultkit rotate openai-gpt4 --new-key-file new-key.txt",
		SilenceErrors: true, // report prints them, once
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.started = true; version {
				return c.version()
			}
			return cmd.Help()
		},
		DisableFlagsInUseLine: true,
	}
	root.Flags().BoolVar(&version, "version", false, "print what this binary was built from")
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	c.globalFlags(root)
	c.addGroup(root, "keys", "Keys:", c.getCommand(), c.listCommand(), c.putCommand(), c.statusCommand(), c.envCommand(), c.execCommand())
	c.addGroup(root, "rotation", "Rotation:", c.rotateCommand(), c.rollbackCommand(), c.revokeOldCommand(),
		c.backupsCommand(), c.historyCommand(), c.recoverCommand(), c.abortCommand())
	c.addGroup(root, "access", "Access:", c.policyCommand(), c.doctorCommand())
	c.addGroup(root, "try", "Try it out:", c.demoCommand(), c.devCommand())
	c.addGroup(root, "", "", c.versionCommand())
	readableHelp(root) // before cobra adds flags of its own: that sorts what is there
	strictBuiltins(root)
	c.completeConnection(root)
	return root
}

func (c *cli) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.BoolVar(&c.JSON, "json", false, "print data as JSON with snake_case keys and UTC times")
	c.AddFlags(root)
}

func (c *cli) addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	if id != "" {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
	}
	for _, cmd := range commands {
		cmd.GroupID = id
		c.complete(cmd)
		work := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			c.started = true
			return work(cmd, args)
		}
		root.AddCommand(cmd)
	}
}

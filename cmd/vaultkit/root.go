package main

import (
	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/command/abort"
	"goblin/vaultkit/cmd/vaultkit/internal/command/backups"
	"goblin/vaultkit/cmd/vaultkit/internal/command/demo"
	"goblin/vaultkit/cmd/vaultkit/internal/command/dev"
	"goblin/vaultkit/cmd/vaultkit/internal/command/doctor"
	"goblin/vaultkit/cmd/vaultkit/internal/command/env"
	"goblin/vaultkit/cmd/vaultkit/internal/command/exec"
	"goblin/vaultkit/cmd/vaultkit/internal/command/get"
	"goblin/vaultkit/cmd/vaultkit/internal/command/history"
	"goblin/vaultkit/cmd/vaultkit/internal/command/importkeys"
	"goblin/vaultkit/cmd/vaultkit/internal/command/list"
	"goblin/vaultkit/cmd/vaultkit/internal/command/policy"
	"goblin/vaultkit/cmd/vaultkit/internal/command/put"
	recovercmd "goblin/vaultkit/cmd/vaultkit/internal/command/recover"
	"goblin/vaultkit/cmd/vaultkit/internal/command/revokeold"
	"goblin/vaultkit/cmd/vaultkit/internal/command/rollback"
	"goblin/vaultkit/cmd/vaultkit/internal/command/rotate"
	"goblin/vaultkit/cmd/vaultkit/internal/command/setup"
	"goblin/vaultkit/cmd/vaultkit/internal/command/status"
	"goblin/vaultkit/cmd/vaultkit/internal/command/verify"
	"goblin/vaultkit/cmd/vaultkit/internal/command/version"
)

const rootLong = `vaultkit keeps the API keys of AI providers in HashiCorp Vault, one secret for
each provider, and rotates them without ever losing one.

The connection comes from environment variables (VAULT_ADDR, VAULT_TOKEN and the other
variables of the Vault CLI, and those that the flags below name) or from flags. A flag
overrides its variable. To try it without a Vault of your own:

  vaultkit demo     shows every feature on a temporary Vault
  vaultkit dev      runs a temporary Vault for you to try commands on

On a terminal, lists have headings, aligned columns and colors; NO_COLOR=1 turns the
colors off. In a pipe or file they are tab-separated values for cut and awk, without
headings and with "-" for an empty value. --json prints all fields; their names are stable.

Exit codes:
  0 done
  1 another failure
  2 wrong usage or invalid input
  3 a key is due (status), or rejected (verify)
  4 not found, or deleted
  5 somebody else changed the secret; nothing was applied
  6 permission denied, or not logged in
  7 Vault is unavailable, or it is unknown whether a key works (verify)
  8 outcome undetermined: run vaultkit recover
  9 nothing to change`

func (c *cli) root() *cobra.Command {
	var showVersion bool
	root := &cobra.Command{
		Use:           "vaultkit COMMAND",
		Short:         "Read and rotate provider keys in HashiCorp Vault",
		Long:          rootLong,
		Example:       "  vaultkit demo\n  vaultkit get openai-gpt4\n  vaultkit rotate openai-gpt4 --new-key-file new-key.txt",
		SilenceErrors: true, // report prints them, once
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.started = true; showVersion {
				return version.Run(cmd.Context(), &version.Options{Deps: c.Deps})
			}
			return cmd.Help()
		},
		DisableFlagsInUseLine: true,
	}
	root.Flags().BoolVar(&showVersion, "version", false, "print what this binary was built from")
	root.SetIn(c.IO.In)
	root.SetOut(c.IO.Out)
	root.SetErr(c.IO.Err)
	root.PersistentFlags().BoolVar(&c.Print.JSON, "json", false, "print data as JSON, with snake_case keys and UTC times")
	c.Vault.AddFlags(root)
	c.addCommands(root)
	readableHelp(root) // before cobra adds its own flags, which sorts the others
	strictBuiltins(root)
	c.Complete.Connection(root)
	return root
}

func (c *cli) addCommands(root *cobra.Command) {
	c.addGroup(root, "keys", "Keys:",
		get.NewCommand(c.Deps, get.Run), list.NewCommand(c.Deps, list.Run), put.NewCommand(c.Deps, put.Run),
		importkeys.NewCommand(c.Deps, importkeys.Run), status.NewCommand(c.Deps, status.Run), verify.NewCommand(c.Deps, verify.Run),
		env.NewCommand(c.Deps, env.Run), exec.NewCommand(c.Deps, exec.Run))
	c.addGroup(root, "rotation", "Rotation:",
		rotate.NewCommand(c.Deps, rotate.Run), rollback.NewCommand(c.Deps, rollback.Run), revokeold.NewCommand(c.Deps, revokeold.Run),
		backups.NewCommand(c.Deps, backups.Run), history.NewCommand(c.Deps, history.Run), recovercmd.NewCommand(c.Deps, recovercmd.Run),
		abort.NewCommand(c.Deps, abort.Run))
	c.addGroup(root, "access", "Access:", setup.NewCommand(c.Deps, setup.Run), policy.NewCommand(c.Deps, policy.Run),
		doctor.NewCommand(c.Deps, doctor.Run))
	c.addGroup(root, "try", "Try it out:", demo.NewCommand(c.Deps, demo.Run), dev.NewCommand(c.Deps, dev.Run))
	c.addGroup(root, "", "", version.NewCommand(c.Deps, version.Run))
}

func (c *cli) addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	if id != "" {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
	}
	for _, cmd := range commands {
		cmd.GroupID = id
		c.Complete.Command(cmd)
		work := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			c.started = true
			return work(cmd, args)
		}
		root.AddCommand(cmd)
	}
}

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/flaggroup"
	"goblin/vaultkit/cmd/vaultkit/internal/usage"
)

// strictBuiltins makes an unknown shell or help topic an error: cobra would print some
// help and succeed. It also gives these commands an example.
func strictBuiltins(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	root.InitDefaultHelpFlag() // now, or cobra takes what follows it for its value
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Use, cmd.DisableFlagsInUseLine = "completion SHELL", true
			cmd.Example = "  source <(vaultkit completion bash)"
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return errors.New(noCommand(args[0]))
				}
				return nil
			}
			for _, shell := range cmd.Commands() {
				shell.Args = usage.None
			}
		case "help":
			cmd.Use, cmd.DisableFlagsInUseLine = "help [COMMAND]", true
			cmd.Short = "Show the help of a command"
			cmd.Long = "Show the help of a command. vaultkit COMMAND --help shows the same."
			cmd.Example = "  vaultkit help rotate"
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if _, _, err := root.Find(args); err != nil {
					return errors.New(noCommand(args[0]))
				}
				return nil
			}
		}
	}
}

func init() { cobra.AddTemplateFunc("flagGroups", flaggroup.Usages) }

// readableHelp keeps flags in the order of their declaration, in groups, and shows the
// global flags only in the program's own help, not in that of each command.
func readableHelp(root *cobra.Command) {
	root.PersistentFlags().SortFlags = false
	root.Flags().SortFlags = false
	for _, cmd := range root.Commands() {
		cmd.Flags().SortFlags = false
	}
	root.SetUsageTemplate(strings.NewReplacer(
		"{{if .HasAvailableSubCommands}}\n  {{.CommandPath}} [command]{{end}}", "", // the line above it says so
		"{{.CommandPath}} [command] --help", "{{.CommandPath}} COMMAND --help",
		"Global Flags:\n{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}",
		"Exit codes, connection, login, --json, --timeout and --verbose: see {{.Root.Name}} --help",
		"Flags:\n{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}", "{{flagGroups .LocalFlags}}",
	).Replace(root.UsageTemplate()))
}

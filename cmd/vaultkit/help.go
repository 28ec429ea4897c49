package main

import (
	"errors"
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/usage"

	"github.com/spf13/cobra"
)

// strictBuiltins makes an unknown shell or help topic an error: cobra would print some
// help and succeed.
func strictBuiltins(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	root.InitDefaultHelpFlag() // now, or cobra takes what follows it for its value
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Use, cmd.DisableFlagsInUseLine = "completion SHELL", true
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
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if _, _, err := root.Find(args); err != nil {
					return errors.New(noCommand(args[0]))
				}
				return nil
			}
		}
	}
}

// helpWidth is the width at which the descriptions of flags are wrapped.
const helpWidth = "96"

// readableHelp keeps flags in the order of their declaration, wraps their descriptions,
// and shows the global flags only in the program's own help, not in that of each
// command.
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
		"Connection, login, --json, --timeout and --verbose: see {{.Root.Name}} --help",
		".FlagUsages", ".FlagUsagesWrapped "+helpWidth,
	).Replace(root.UsageTemplate()))
}

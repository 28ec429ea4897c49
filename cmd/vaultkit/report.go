package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// report prints an error, once, and what to do about it.
func (c *cli) report(cmd *cobra.Command, err error) {
	if err == nil {
		return
	}
	c.PrintError(err)
	if hint, ok := exitcode.Hint(err); ok {
		fmt.Fprintln(c.Err, hint)
	}
	if _, ok := errors.AsType[*exitcode.UsageError](err); ok {
		fmt.Fprintf(c.Err, "Usage: %s\nRun '%s --help' for more.\n", cmd.UseLine(), cmd.CommandPath())
	}
}

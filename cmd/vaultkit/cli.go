package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// cli is one run of the program.
type cli struct {
	command.Deps
	started bool // a command runs: its errors are not about the call
}

func newCLI(std terminal.Streams) *cli { return &cli{Deps: command.New(std)} }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, std terminal.Streams) int {
	return newCLI(std).run(ctx, args)
}

func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	// A copy that is never nil: cobra takes nil for "use os.Args".
	root.SetArgs(append([]string{}, args...))
	cmd, err := root.ExecuteContextC(ctx)
	switch failed := c.IO.Out.Failed(); {
	case failed != nil: // cobra ignores the errors of its own output
		err = cmp.Or(err, failed)
	case err != nil && !c.started:
		err = &exitcode.UsageError{Err: usageError(cmd, args, err)}
	}
	if _, passed := errors.AsType[*exitcode.PassedOn](err); !passed {
		c.report(cmd, err)
		c.reportSignal(ctx, err)
	}
	return exitcode.Of(err)
}

// report prints an error, once, and what to do about it.
func (c *cli) report(cmd *cobra.Command, err error) {
	if err == nil {
		return
	}
	c.IO.PrintError(err)
	if hint, ok := exitcode.Hint(err); ok {
		fmt.Fprintln(c.IO.Err, hint)
	}
	if _, ok := errors.AsType[*exitcode.UsageError](err); ok {
		fmt.Fprintf(c.IO.Err, "Usage: %s\nRun '%s --help' for more.\n", cmd.UseLine(), cmd.CommandPath())
	}
}

// reportSignal names the signal that ended a command which failed.
func (c *cli) reportSignal(ctx context.Context, err error) {
	if signal := endedBy(ctx); signal != "" && err != nil {
		fmt.Fprintf(c.IO.Err, "Ended by a signal: %s.\n", signal)
	}
}

// endedBy returns the name of the signal that ended a context; empty: none did. The
// cause that signal.NotifyContext gives is a context.Canceled with another text.
func endedBy(ctx context.Context) string {
	cause := context.Cause(ctx)
	if cause == nil || cause.Error() == context.Canceled.Error() {
		return ""
	}
	return strings.TrimSuffix(cause.Error(), " signal received")
}

// Package commandtest parses command lines in the tests of commands.
package commandtest

import (
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
)

// Constructor is the NewCommand of a command with the options O.
type Constructor[O any] func(deps command.Deps, run func(context.Context, *O) error) *cobra.Command

// Parse parses the arguments and flags in line. It returns the options with which the command
// would run, or nil if it would not run, and the command's error.
func Parse[O any](t *testing.T, newCommand Constructor[O], deps command.Deps, line string) (parsed *O, err error) {
	t.Helper()
	cmd := newCommand(deps, func(_ context.Context, o *O) error {
		parsed = o
		return nil
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(strings.Fields(line))
	err = cmd.ExecuteContext(t.Context())
	return parsed, err
}

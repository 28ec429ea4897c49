package exec_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/command/exec"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// What stands after the -- is the command's, whatever it looks like.
func TestNewCommand_PartsProvidersFromTheCommand(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		line               string
		providers, command []string
		pristine           bool
	}{
		{"-- env", nil, []string{"env"}, false},
		{"p --provider q --pristine -- env --json -- x", []string{"q", "p"}, []string{"env", "--json", "--", "x"}, true},
	} {
		var got *exec.Options
		cmd := exec.NewCommand(command.New(terminal.Streams{}), func(_ context.Context, o *exec.Options) error {
			got = o
			return nil
		})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(tc.line))
		if err := cmd.ExecuteContext(t.Context()); err != nil || got == nil {
			t.Errorf("exec %s: %v, run called: %t, want it called", tc.line, err, got != nil)
			continue
		}
		if !slices.Equal(got.Query.Providers, tc.providers) || !slices.Equal(got.Command, tc.command) || got.Pristine != tc.pristine {
			t.Errorf("exec %s: providers %q, command %q, pristine %t, want %q, %q, %t",
				tc.line, got.Query.Providers, got.Command, got.Pristine, tc.providers, tc.command, tc.pristine)
		}
	}
}

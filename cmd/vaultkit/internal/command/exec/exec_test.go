package exec_test

import (
	"slices"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/command/exec"
	"goblin/vaultkit/cmd/vaultkit/internal/commandtest"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Everything after the -- belongs to the command, even what looks like a flag.
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
		got, err := commandtest.Parse(t, exec.NewCommand, command.New(terminal.Streams{}), tc.line)
		if err != nil || got == nil {
			t.Errorf("exec %s: %v, run called: %t, want it called", tc.line, err, got != nil)
			continue
		}
		if !slices.Equal(got.Query.Providers, tc.providers) || !slices.Equal(got.Command, tc.command) || got.Pristine != tc.pristine {
			t.Errorf("exec %s: providers = %q, command = %q, pristine = %t, want %q, %q, %t",
				tc.line, got.Query.Providers, got.Command, got.Pristine, tc.providers, tc.command, tc.pristine)
		}
	}
}

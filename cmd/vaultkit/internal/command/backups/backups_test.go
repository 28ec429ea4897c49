package backups_test

import (
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/command/backups"
	"goblin/vaultkit/cmd/vaultkit/internal/commandtest"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func TestNewCommand_TellsPruneFromList(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		line  string
		prune bool
		says  string // of the error; empty: none
	}{
		{"p", false, ""},
		{"p prune --keep 2 --older-than 1d --dry-run --yes", true, ""},
		{"p prune", true, "prune needs --keep, --older-than or both"},
		{"p prune --keep -1", true, "--keep must not be less than 0"},
		{"p --keep 2", false, "--keep is for"},
		{"p --yes", false, "--yes is for"},
		{"p other", false, "can only be the word prune"},
	} {
		got, err := commandtest.Parse(t, backups.NewCommand, command.New(terminal.Streams{}), tc.line)
		if tc.says != "" {
			if got != nil || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("backups %s: %v, run called: %t, want an error that says %q", tc.line, err, got != nil, tc.says)
			}
			continue
		}
		if err != nil || got == nil || got.Provider != "p" || got.Prune != tc.prune {
			t.Errorf("backups %s: %v, %+v, want provider p and Prune %t", tc.line, err, got, tc.prune)
			continue
		}
		if tc.prune && (got.Keep != 2 || time.Duration(got.OlderThan) != 24*time.Hour || !got.DryRun || !got.Yes) {
			t.Errorf("backups %s: %+v, want its flags", tc.line, got)
		}
	}
}

package env_test

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/command/env"
	"goblin/vaultkit/cmd/vaultkit/internal/commandtest"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/envfile"
)

func TestNewCommand_ChoosesFormatAndFile(t *testing.T) {
	t.Setenv("GITHUB_ENV", "/runner/env")
	for _, tc := range []struct {
		line   string
		json   bool // the global flag
		format envfile.Format
		out    string
		says   string // of the error; empty: none
	}{
		{"", false, envfile.Sh, "", ""},
		{"--format fish --out f", false, "fish", "f", ""},
		{"--out -", false, envfile.Sh, "", ""},
		{"", true, envfile.JSON, "", ""},
		{"--format json", true, envfile.JSON, "", ""},
		{"--format github", false, envfile.GitHub, "/runner/env", ""},
		{"--format github --out f", false, envfile.GitHub, "f", ""},
		{"--format sh", true, "", "", "contradict each other"},
		{"--format toml", false, "", "", "--format must be one of"},
	} {
		deps := command.New(terminal.Streams{})
		deps.Print.JSON = tc.json
		got, err := commandtest.Parse(t, env.NewCommand, deps, tc.line)
		if tc.says != "" {
			if got != nil || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("env %s: %v, run called: %t, want an error that says %q", tc.line, err, got != nil, tc.says)
			}
			continue
		}
		if err != nil || got == nil || got.Format != tc.format || got.Out != tc.out {
			t.Errorf("env %s: %v, %+v, want format %q and file %q", tc.line, err, got, tc.format, tc.out)
		}
	}
}

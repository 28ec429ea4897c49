package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"

	"github.com/spf13/cobra"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	out := vkBare(t.Context(), t, "", "--help").ok(t)
	has(t, out, "Keys:", "Rotation:", "Try it out:", "--address", "Exit codes:", "vaultkit demo")
	if more := vkBare(t.Context(), t, "", "--help", "--address", "x").ok(t); more != out {
		t.Error("vaultkit --help takes the next flag as its value")
	}
	has(t, out, "tab-separated", "Usage:\n  vaultkit COMMAND\n")
	if bare := vkBare(t.Context(), t, "").ok(t); bare != out {
		t.Error("vaultkit without arguments does not print the help")
	}
	root := newCLI(terminal.Streams{}).root()
	for _, cmd := range root.Commands() {
		name := cmd.Name()
		if name == "help" || name == "completion" {
			continue
		}
		out := vkBare(t.Context(), t, "", name, "--help").ok(t)
		has(t, out, "Examples:\n  ", "see vaultkit --help")
		if strings.Contains(out, "--kubernetes-role") {
			t.Errorf("%s --help repeats the global flags", name)
		}
		for line := range strings.Lines(out) {
			if len(line) > 110 {
				t.Errorf("%s --help has a line of %d bytes: %s", name, len(line), line)
			}
		}
		checkHelp(t, cmd)
	}
}

// checkHelp: every command says what it does, and every flag too.
func checkHelp(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
		t.Errorf("%s lacks a description or an example", cmd.Name())
	}
	for line := range strings.SplitSeq(cmd.Long, "\n") {
		if len(line) > 88 && !strings.HasPrefix(line, "  ") { // but for tables
			t.Errorf("%s: a line of %d bytes: %s", cmd.Name(), len(line), line)
		}
	}
	for _, line := range strings.Split(cmd.Flags().FlagUsages(), "\n") {
		if line != "" && len(strings.Fields(line)) < 4 {
			t.Errorf("%s: a flag is not explained: %s", cmd.Name(), line)
		}
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		has(t, vkBare(t.Context(), t, "", "completion", shell).ok(t), "vaultkit")
	}
	has(t, vkBare(t.Context(), t, "", "completion").ok(t), "Available Commands", "vaultkit completion SHELL\n")
	has(t, vkBare(t.Context(), t, "", "help", "rotate").ok(t), "--new-key-stdin")
}

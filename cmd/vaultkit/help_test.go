package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	r := vkBare(t.Context(), t, "", "--help")
	r.shows(t, "Keys:", "Rotation:", "Try it out:", "--address", "Exit codes:", "vaultkit demo", "tab-separated",
		"Usage:\n  vaultkit COMMAND\n")
	vkBare(t.Context(), t, "", "--help", "--address", "x").prints(t, r.out) // --help takes no value
	vkBare(t.Context(), t, "").prints(t, r.out)
	root := newCLI(terminal.Streams{}).root()
	for _, cmd := range root.Commands() {
		name := cmd.Name()
		if name == "help" || name == "completion" {
			continue
		}
		r := vkBare(t.Context(), t, "", name, "--help")
		r.shows(t, "Examples:\n  ", "see vaultkit --help")
		if strings.Contains(r.out, "--kubernetes-role") {
			t.Errorf("vaultkit %s --help prints %q, want no global flags in it", name, r.out)
		}
		for line := range strings.Lines(r.out) {
			if len(line) > 110 {
				t.Errorf("vaultkit %s --help has a line of %d bytes, want at most 110: %s", name, len(line), line)
			}
		}
		checkHelp(t, cmd)
	}
}

// checkHelp fails the test unless a command and all its flags are described.
func checkHelp(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
		t.Errorf("vaultkit %s: Short = %q, Long = %q, Example = %q, want all of them", cmd.Name(), cmd.Short, cmd.Long, cmd.Example)
	}
	for line := range strings.SplitSeq(cmd.Long, "\n") {
		if len(line) > 88 && !strings.HasPrefix(line, "  ") { // except for tables
			t.Errorf("vaultkit %s --help has a line of %d bytes, want at most 88: %s", cmd.Name(), len(line), line)
		}
	}
	for _, line := range strings.Split(cmd.Flags().FlagUsages(), "\n") {
		if line != "" && len(strings.Fields(line)) < 4 {
			t.Errorf("vaultkit %s --help has %q, want a description of the flag", cmd.Name(), line)
		}
	}
}

// TestHelp_NamesTheDefaultOfEveryValue skips required flags: they have no default.
func TestHelp_NamesTheDefaultOfEveryValue(t *testing.T) {
	t.Parallel()
	eachCommand(newCLI(terminal.Streams{}).root(), func(name string, cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			_, required := flag.Annotations[cobra.BashCompOneRequiredFlag]
			_, oneOf := flag.Annotations["cobra_annotation_one_required"]
			if flag.NoOptDefVal != "" || required || oneOf {
				return
			}
			only := pflag.NewFlagSet("", pflag.ContinueOnError)
			only.AddFlag(flag)
			if usage := only.FlagUsages(); !strings.Contains(usage, "(default") {
				t.Errorf("vaultkit %s --help has %q, want a default in it", name, usage)
			}
		})
	})
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		vkBare(t.Context(), t, "", "completion", shell).shows(t, "vaultkit")
	}
	vkBare(t.Context(), t, "", "completion").shows(t, "Available Commands", "vaultkit completion SHELL\n")
	vkBare(t.Context(), t, "", "help", "rotate").shows(t, "--new-key-stdin")
}

package main

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testdata/help holds the --help output of every command, and no other files, so that a
// review shows what changes.
func TestHelp_GoldenFiles(t *testing.T) {
	t.Parallel()
	const dir = "../../testdata/help/"
	var want []string
	eachCommand(newCLI(terminal.Streams{}).root(), func(name string, _ *cobra.Command) {
		out := vkBare(t.Context(), t, "", append(strings.Fields(name), "--help")...).ok(t)
		path := dir + strings.ReplaceAll(cmp.Or(name, "vaultkit"), " ", "-") + ".txt"
		want = append(want, path)
		if *update {
			if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
				t.Fatalf("os.WriteFile() = %v, want no error", err)
			}
		}
		if golden, err := os.ReadFile(path); err != nil || string(golden) != out {
			t.Errorf("vaultkit %s --help prints %q, want the text of %s (%v); to write it, run: go test -run Help_GoldenFiles ./cmd/vaultkit -update",
				name, out, path, err)
		}
	})
	slices.Sort(want)
	if files, err := filepath.Glob(dir + "*"); err != nil || !slices.Equal(files, want) {
		t.Errorf("files in %s = %q, %v, want %q", dir, files, err, want)
	}
}

// eachCommand calls visit with every command and its path without the program's name.
func eachCommand(cmd *cobra.Command, visit func(name string, cmd *cobra.Command)) {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	visit(name, cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, visit)
	}
}

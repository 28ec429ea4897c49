//go:build unix

package childproc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// A program that the shell would not run is refused, and nothing that it would run.
func TestCheckProgram(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", dir+"/bin:"+os.Getenv("PATH"))
	for name, mode := range map[string]os.FileMode{"run.sh": 0o700, "data.sh": 0o600, "bin/mine": 0o700} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]struct {
		code  int
		names string
	}{
		"./run.sh": {}, "  ./run.sh --now": {}, dir + "/run.sh; true": {}, "mine": {}, "mine|cat": {}, "sh ./nothing.sh": {},
		"exit 44": {}, "if true; then false; fi": {}, "test -n \"$VAULTKIT_KEY\"": {}, "[ -n x ]": {}, ". ./nothing.sh": {}, "cd bin && ./mine": {},
		// What only the shell can tell.
		"'./nothing.sh'": {}, "$HOME/nothing.sh": {}, "~/nothing.sh": {}, "A=b ./nothing.sh": {}, "2>/dev/null mine": {}, "f () { true; }; f": {}, "f() { true; }; f": {},
		"./nothing.sh":      {127, "--cmd: ./nothing.sh: the command was not started: there is no such command"},
		"\n./nothing.sh x;": {127, "--cmd: ./nothing.sh: "},
		"no-such-program":   {127, "--cmd: no-such-program: "},
		"run.sh":            {127, "--cmd: run.sh: "}, // not on the PATH
		"./data.sh":         {126, "--cmd: ./data.sh: the command was not started: no permission to run it"},
		"./bin":             {126, "--cmd: ./bin: the command was not started: "},
	} {
		err := childproc.CheckProgram(t.Context(), "cmd", line)
		if exitcode.Of(err) != want.code || err != nil && !strings.HasPrefix(err.Error(), want.names) {
			t.Errorf("CheckProgram(%q) = %v, exit code %d, want %q, exit code %d", line, err, exitcode.Of(err), want.names, want.code)
		}
	}
}

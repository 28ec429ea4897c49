package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/vaulttest"
)

// On a terminal, import shows its plan, and continues only after a yes.
func TestImport_AsksOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	for _, tc := range []struct {
		answer, flags string
		code          int
		asked, stored bool
	}{
		{"\n", "", exitcode.Failure, true, false}, {"no\n", "", exitcode.Failure, true, false}, {"y\n", "", exitcode.OK, true, true},
		{"yes\n", "--json", exitcode.OK, true, true}, {"", "--yes", exitcode.OK, false, true}, {"", "--dry-run", exitcode.OK, false, false},
	} {
		base := vaulttest.Name(t)
		path := file(t, "OPENAI_API_KEY="+newKey()+"\nDATABASE_URL="+newKey()+"\n")
		code, out, shown := answering(t, tc.answer, append([]string{"import", path, "--base", base}, strings.Fields(tc.flags)...)...)
		asked := strings.Contains(shown, "Import 1 of 1 providers into secret/"+base+"/providers? [y/N]") &&
			strings.Contains(shown, "FROM            PROVIDER  FIELD    ACTION") && strings.Contains(shown, "OPENAI_API_KEY  openai    api_key  create")
		if code != tc.code || asked != tc.asked || !strings.Contains(shown, "DATABASE_URL") && tc.flags != "--json" || strings.Contains(shown+out, canary) {
			t.Errorf("vaultkit import %s, answer %q: exit code = %d, terminal shows %q, want %d, a question: %t, and no value",
				tc.flags, tc.answer, code, shown, tc.code, tc.asked)
		}
		if stored := len(secretsAt(t, base)) > 0; stored != tc.stored {
			t.Errorf("vaultkit import %s, answer %q: stored = %t, want %t", tc.flags, tc.answer, stored, tc.stored)
		}
	}
}

// import reads a pipe with a name, as <(command) of a shell is one.
func TestImport_ReadsAPipe(t *testing.T) {
	t.Parallel()
	path, base, key := filepath.Join(t.TempDir(), "fifo"), vaulttest.Name(t), newKey()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
	}
	go func() { _ = os.WriteFile(path, []byte("OPENAI_API_KEY="+key+"\n"), 0o600) }()
	vk(t, "", "import", path, "--yes", "--base", base).shows(t, "openai\tcreated")
	hasSecrets(t, base, map[string]map[string]string{"openai": {"api_key": key}})
	refused(t, exitcode.Usage, []string{"/dev/zero"}, "longer than")
}

// A person may think for longer than --timeout, which bounds the requests.
func TestImport_WaitsForTheAnswer(t *testing.T) {
	t.Setenv("TERM", "xterm")
	const limit = 2 * time.Second
	base, key := vaulttest.Name(t), newKey()
	person, program, screen, ended := openTerminal(t)
	args := append([]string{"import", file(t, "OPENAI_API_KEY="+key+"\n"), "--base", base, "--timeout", limit.String()},
		connect(t, vaulttest.Server().RootToken())...)
	code := make(chan int, 1)
	go func() { code <- run(t.Context(), args, terminal.Streams{In: program, Out: io.Discard, Err: program}) }()
	vaulttest.Eventually(t, "the question of import", func() bool { return strings.Contains(screen.String(), "[y/N]") })
	<-time.After(limit)
	if _, err := person.WriteString("y\n"); err != nil {
		t.Fatalf("person.WriteString() = %v, want no error", err)
	}
	if got := <-code; got != exitcode.OK {
		t.Errorf("vaultkit import, an answer after the timeout: exit code = %d, terminal shows %q, want 0", got, screen.String())
	}
	_ = program.Close()
	<-ended
	_ = person.Close()
	hasSecrets(t, base, map[string]map[string]string{"openai": {"api_key": key}})
}

// The name of a file cannot control the terminal.
func TestImport_EscapesTheNameOfTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "\x1b[31m.env")
	vaulttest.WriteFile(t, path, "OPENAI_API_KEY="+newKey()+"\nDATABASE_URL=x\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatalf("os.Chmod() = %v, want no error", err)
	}
	for _, args := range [][]string{{}, {"--map", "DATABASE_URL="}, {"--map", "DATABASE_URL=db/url"}} {
		r := vk(t, "", append([]string{"import", path, "--yes", "--base", vaulttest.Name(t)}, args...)...)
		r.ok(t)
		if r.errHas(t, `\x1b[31m.env`, "in Vault now"); strings.Contains(r.err, "\x1b") {
			t.Errorf("vaultkit import: stderr = %q, want the name of the file escaped", r.err)
		}
	}
}

func TestImport_WarnsOfReadableFiles(t *testing.T) {
	t.Parallel()
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o640: true, 0o604: true, 0o400: false} {
		path := file(t, "OPENAI_API_KEY="+newKey()+"\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatalf("os.Chmod() = %v, want no error", err)
		}
		r := vk(t, "", "import", path, "--yes", "--base", vaulttest.Name(t))
		r.errHas(t, "Everything in "+path+" is in Vault now. Delete the file.")
		if got := strings.Contains(r.err, "other users of this machine can read "+path); got != warned {
			t.Errorf("vaultkit import of a file with mode %o: stderr = %q, want a warning: %t", mode, r.err, warned)
		}
	}
}

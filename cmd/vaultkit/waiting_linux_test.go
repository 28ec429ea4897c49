package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/vaulttest"
)

// A terminal shows once that the program waits for Vault. A log gets no line for it.
func TestWith_TellsThatVaultDoesNotRespond(t *testing.T) {
	t.Setenv("TERM", "xterm")
	dead := []string{"--address", "http://127.0.0.1:1", "--timeout", "50ms", "--token-file", file(t, "fake")}
	person, program, screen, ended := openTerminal(t)
	code := run(t.Context(), append([]string{"list"}, dead...), terminal.Streams{In: strings.NewReader(""), Out: program, Err: program})
	_ = program.Close()
	<-ended
	_ = person.Close()
	if code != exitcode.Unavailable || strings.Count(screen.String(), "Waiting for Vault at 127.0.0.1:1") != 1 {
		t.Errorf("vaultkit list without a server: exit code = %d, the terminal shows %q, want %d and one line that it waits",
			code, screen.String(), exitcode.Unavailable)
	}
	r := vkBare(t.Context(), t, "", append([]string{"list"}, dead...)...)
	if r.code != exitcode.Unavailable || strings.Contains(r.err, "Waiting") {
		t.Errorf("vaultkit list without a server or terminal: exit code = %d, stderr = %q, want %d and the error only",
			r.code, r.err, exitcode.Unavailable)
	}
	provider, _ := stored(t)
	_, shown, _ := onTerminal(t.Context(), t, true, "history", provider, "--address", vaulttest.Server().Addr())
	if strings.Contains(shown, "Waiting") {
		t.Errorf("vaultkit history: the terminal shows %q, want no line that it waits", shown)
	}
}

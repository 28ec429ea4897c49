package main

import (
	"strings"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// TestConfirmAll: on a terminal --all asks first, and only a yes goes on.
func TestConfirmAll(t *testing.T) {
	t.Setenv("TERM", "xterm")
	base := vaulttest.Name(t)
	vk(t, newKey(), "put", "one", "api_key=-", "--base", base).ok(t)
	for _, tc := range []struct {
		answer, flags string
		code          int
		rotated       bool
	}{
		{"\n", "", exitFailure, false}, {"no\n", "", exitFailure, false}, {"y\n", "", exitOK, true}, {"", "--yes", exitOK, true},
	} {
		person, program, screen, ended := terminal(t)
		if _, err := person.WriteString(tc.answer); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		args := append(strings.Fields("rotate --all --auto --base "+base+" "+tc.flags), connect(t, vaulttest.Server().RootToken())...)
		code := run(t.Context(), args, streams{In: program, Out: &out, Err: program})
		_ = program.Close()
		<-ended
		_ = person.Close()
		asked := strings.Contains(screen.String(), "every provider at secret/"+base+"/providers (1 of them) by a random one")
		if code != tc.code || asked != (tc.flags == "") || strings.Contains(out.String(), "Rotated one") != tc.rotated {
			t.Errorf("answer %q: exit code %d, printed %q, shown %q", tc.answer, code, out.String(), screen.String())
		}
	}
}

package main

import (
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// closedPipe is a pipe whose reader has left.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestClosedPipe(t *testing.T) {
	t.Parallel()
	provider, before := stored(t)
	for _, args := range [][]string{{"get", provider}, {"list"}, {"status", provider}, {"rotate", provider, "--auto"}, {"version"}, {"help"}} {
		var errs strings.Builder
		std := terminal.Streams{In: strings.NewReader(""), Out: closedPipe{}, Err: &errs}
		if code := run(t.Context(), append(args, connect(t, role(t, "rotator"))...), std); code != exitcode.OK || errs.Len() > 0 {
			t.Errorf("vaultkit %q: exit code %d: %s", args, code, errs.String())
		}
	}
	if after := vk(t, "", "get", provider).ok(t); after == before+"\n" {
		t.Error("the rotation was not finished")
	}
}

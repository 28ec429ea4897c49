package main

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/vaulttest"
)

// closedPipe is a pipe whose reader has left.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestCommands_IgnoreAClosedPipe(t *testing.T) {
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
		t.Error("a closed pipe kept vaultkit rotate from committing")
	}
}

// TestCommands_FailIfOutputFails: what could not be printed is no success.
func TestCommands_FailIfOutputFails(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	aborted, _, abortedID := undecided(t)
	for _, args := range [][]string{
		{"get", provider}, {"get", provider, "--json"}, {"list"}, {"list", "--json"}, {"backups", provider},
		{"history", provider}, {"recover", provider}, {"version"}, {"version", "--json"}, {"help"}, {"get", "--help"}, {"completion", "bash"},
		{"rotate", provider, "--auto", "--dry-run"}, {"rotate", provider, "--auto", "--dry-run", "--json"},
		{"status", provider}, {"status", provider, "--json"}, {"abort", aborted, abortedID}, {"backups", provider, "prune", "--keep", "1"},
		{"revoke-old", provider, id, "--cmd", "exit 44"}, {"rotate", "--auto", provider, aborted}, {"rotate", "--auto", provider, aborted, "--json"},
	} {
		if args[0] != "version" && args[0] != "help" {
			args = append(args, connect(t, vaulttest.Server().RootToken())...)
		}
		var errs strings.Builder
		if code := run(t.Context(), args, terminal.Streams{In: strings.NewReader(""), Out: failing{}, Err: &errs}); code != exitcode.Failure {
			t.Errorf("vaultkit %q: exit code %d: %s", args, code, errs.String())
		}
		has(t, errs.String(), "nobody listens")
	}
}

// failing fails to write.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }

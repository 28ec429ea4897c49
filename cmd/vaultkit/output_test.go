package main

import (
	"errors"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// closedPipe is a pipe that its reader has closed.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestCommands_IgnoreAClosedPipe(t *testing.T) {
	t.Parallel()
	provider, before := stored(t)
	for _, args := range [][]string{{"get", provider}, {"list"}, {"status", provider}, {"rotate", provider, "--auto"}, {"version"}, {"help"}} {
		r := vkTo(t.Context(), t, closedPipe{}, "", append(args, connect(t, role(t, "rotator"))...)...)
		if r.ok(t); r.err != "" {
			t.Errorf("vaultkit %s: stderr = %q, want nothing", r.call, r.err)
		}
	}
	if after := vk(t, "", "get", provider).ok(t); after == before+"\n" {
		t.Errorf("vaultkit get after vaultkit rotate into a closed pipe = %q, want the new key", after)
	}
}

// A command whose result cannot be printed fails.
func TestCommands_FailIfOutputFails(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	aborted, _, abortedID := undecided(t)
	for _, args := range [][]string{
		{"get", provider}, {"get", provider, "--json"}, {"list"}, {"list", "--json"}, {"backups", provider},
		{"history", provider}, {"recover", provider}, {"version"}, {"version", "--json"}, {"help"}, {"get", "--help"}, {"completion", "bash"},
		{"rotate", provider, "--auto", "--dry-run"}, {"rotate", provider, "--auto", "--dry-run", "--json"},
		{"status", provider}, {"status", provider, "--json"}, {"abort", aborted, abortedID}, {"backups", provider, "prune", "--keep", "1"},
		{"revoke-old", provider, id, "--cmd", "exit 44"}, {"rotate", "--auto", provider, aborted}, {"rotate", "--auto", provider, aborted,
			"--json"},
	} {
		if args[0] != "version" && args[0] != "help" {
			args = append(args, connect(t, vaulttest.Server().RootToken())...)
		}
		vkTo(t.Context(), t, failing{}, "", args...).exits(t, exitcode.Failure, "nobody listens")
	}
}

// failing fails every write.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }

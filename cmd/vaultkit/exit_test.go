package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	wrap := func(kind, cause error) error {
		return fmt.Errorf("outer: %w", &vaultkit.Error{Op: "Rotate", Kind: kind, Err: cause})
	}
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything else"), 1},
		{context.Canceled, 1},
		{vaultkit.ErrClosed, 1},
		{vaultkit.ErrNotKVv2, 1},
		{misuse("wrong"), 2},
		{dueError([]vaultkit.ProviderStatus{{Due: vaultkit.DueAge}}), 3},
		{invalid("it", "is wrong", ""), 2},
		{vaultkit.ErrInvalid, 2},
		{vaultkit.ErrNotFound, 4},
		{vaultkit.ErrDeleted, 4},
		{vaultkit.ErrDestroyed, 4},
		{vaultkit.ErrFieldMissing, 4},
		{vaultkit.ErrMountNotFound, 4},
		{vaultkit.ErrConflict, 5},
		{vaultkit.ErrPermissionDenied, 6},
		{vaultkit.ErrUnauthenticated, 6},
		{vaultkit.ErrWrappingToken, 6},
		{vaultkit.ErrUnavailable, 7},
		{vaultkit.ErrSealed, 7},
		{wrap(vaultkit.ErrUnavailable, context.DeadlineExceeded), 7},
		{wrap(vaultkit.ErrUnavailable, context.Canceled), 1},
		{vaultkit.ErrUndetermined, 8},
		{wrap(vaultkit.ErrUndetermined, vaultkit.ErrConflict), 8},
		{wrap(vaultkit.ErrUndetermined, vaultkit.ErrNotFound), 8},
		{&advised{wrap(vaultkit.ErrUndetermined, context.Canceled), "advice"}, 8},
		{vaultkit.ErrNoChange, 9},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("exitCode(%v) = %d, want %d", tc.err, got, tc.want)
		}
		if tc.err == nil || tc.want == exitUsage {
			continue
		}
		if got := exitCode(fmt.Errorf("wrapped: %w", tc.err)); got != tc.want {
			t.Errorf("wrapped, %v is %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"bogus"}, {"get"}, {"get", "a", "b"}, {"get", "a", "--bogus"}, {"get", "-x"}, {"list", "a"},
		{"put", "a"}, {"rotate", "a"}, {"rollback"}, {"backups"}, {"history", "a", "b"},
		{"abort", "a"}, {"revoke-old", "a"}, {"revoke-old", "a", "b"}, {"backups", "a", "b"}, {"rotate", "a", "b", "--new-key-stdin"},
		{"version", "a"}, {"demo", "a"}, {"dev", "a"}, {"dev", "--port", "x"}, {"dev", "--port", "65536"},
		{"dev", "--mount", "x"}, {"demo", "--address", "x"}, {"get", "a", "--timeout", "x"}, {"get", "a", "--timeout", "0s"},
		{"get", "a", "--auth", "ldap"}, {"get", "a", "--auth", "token", "--role-id", "x"},
		{"get", "a", "--role-id", "x", "--kubernetes-role", "y"}, {"help", "bogus"}, {"completion", "bogus"},
	} {
		if args[0] == "get" {
			args = append(args, "--address", "http://127.0.0.1:1")
		}
		vkBare(t.Context(), t, "", args...).want(t, exitUsage, "Usage: vaultkit", "--help")
	}
	// Invalid input is no mistake in the call: no usage with it.
	r := vk(t, "", "get", "a/b")
	if r.want(t, exitUsage, "provider name"); len(r.err) > 400 {
		t.Errorf("too much for one error:\n%s", r.err)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such provider":   {[]string{"get", vaulttest.Name(t)}, exitNotFound, "not found"},
		"no such field":      {[]string{"get", provider, "--field", "nope"}, exitNotFound, "field missing"},
		"no such mount":      {[]string{"get", provider, "--mount", "nope"}, exitNotFound, "mount"},
		"no mount to list":   {[]string{"list", "--mount", "nope"}, exitNotFound, "mount"},
		"an odd mount":       {[]string{"list", "--mount", "../sys"}, exitUsage, "mount"},
		"nobody to history":  {[]string{"history", "a..b"}, exitUsage, "provider name"},
		"nobody to back up":  {[]string{"backups", "a b"}, exitUsage, "provider name"},
		"nobody to rollback": {[]string{"rollback", vaulttest.Name(t)}, exitNotFound, "no recorded rotation"},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, "", tc.args...).want(t, tc.code, tc.says)
		})
	}
	holds(t, provider, key)
}

func TestDenied(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	reader := vaulttest.Token(t, vaulttest.Policy(t, "../../", "reader"))
	if out := vkAs(t, reader, "", "get", provider).ok(t); out != key+"\n" {
		t.Errorf("get printed %q", out)
	}
	vkAs(t, reader, "", "list").ok(t)
	vkAs(t, reader, newKey(), "rotate", provider, "--new-key-stdin").want(t, exitDenied, "permission denied", "update")
	vkAs(t, reader, newKey(), "put", vaulttest.Name(t), "api_key=-").want(t, exitDenied, "permission denied")
	vkAs(t, reader, "", "history", provider).want(t, exitDenied, "permission denied")
	vkAs(t, reader, "", "backups", provider).want(t, exitDenied, "permission denied")
	vkAs(t, reader, "", "recover").want(t, exitDenied, "permission denied")
	vkAs(t, "hvs.nobody", "", "list").want(t, exitDenied, "not logged in")
}

// anyID is a rotation's id as far as its form goes.
const anyID = "20200101T000000.000000000Z-v1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestUnavailable(t *testing.T) {
	t.Parallel()
	nowhere := []string{"--address", "http://127.0.0.1:1", "--timeout", "1s", "--token-file", file(t, "hvs.nobody")}
	for _, args := range [][]string{
		{"get", "p"}, {"list"}, {"put", "p", "api_key=-"}, {"rotate", "p", "--new-key-stdin"}, {"rollback", "p"},
		{"backups", "p"}, {"history", "p"}, {"recover"}, {"status"}, {"abort", "p", anyID},
		{"revoke-old", "p", anyID, "--cmd", "true"}, {"backups", "p", "prune", "--keep", "1"}, {"rotate", "p", "q", "--auto"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			vkBare(t.Context(), t, newKey(), append(args, nowhere...)...).want(t, exitUnavailable, "unavailable")
		})
	}
}

package main

import (
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

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
		vkBare(t.Context(), t, "", args...).want(t, exitcode.Usage, "Usage: vaultkit", "--help")
	}
	// The error for invalid input in a correct call has no usage line.
	r := vk(t, "", "get", "a/b")
	if r.want(t, exitcode.Usage, "provider name"); len(r.err) > 400 {
		t.Errorf("vaultkit get a/b: stderr = %q, want at most 400 bytes", r.err)
	}
}

func TestCommands_NotFoundOrInvalid(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such provider":   {[]string{"get", vaulttest.Name(t)}, exitcode.NotFound, "not found"},
		"no such field":      {[]string{"get", provider, "--field", "nope"}, exitcode.NotFound, "field missing"},
		"no such mount":      {[]string{"get", provider, "--mount", "nope"}, exitcode.NotFound, "mount"},
		"no mount to list":   {[]string{"list", "--mount", "nope"}, exitcode.NotFound, "mount"},
		"an odd mount":       {[]string{"list", "--mount", "../sys"}, exitcode.Usage, "mount"},
		"nobody to history":  {[]string{"history", "a..b"}, exitcode.Usage, "provider name"},
		"nobody to back up":  {[]string{"backups", "a b"}, exitcode.Usage, "provider name"},
		"nobody to rollback": {[]string{"rollback", vaulttest.Name(t)}, exitcode.NotFound, "no recorded rotation"},
	} {
		t.Run(name, func(t *testing.T) {
			vk(t, "", tc.args...).want(t, tc.code, tc.says)
		})
	}
	holds(t, provider, key)
}

func TestCommands_Denied(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	reader := vaulttest.Token(t, vaulttest.Policy(t, "../../", "reader"))
	vkAs(t, reader, "", "get", provider).prints(t, key+"\n")
	vkAs(t, reader, "", "list").ok(t)
	vkAs(t, reader, newKey(), "rotate", provider, "--new-key-stdin").want(t, exitcode.Denied, "permission denied", "update")
	vkAs(t, reader, newKey(), "put", vaulttest.Name(t), "api_key=-").want(t, exitcode.Denied, "permission denied")
	vkAs(t, reader, "", "history", provider).want(t, exitcode.Denied, "permission denied")
	vkAs(t, reader, "", "backups", provider).want(t, exitcode.Denied, "permission denied")
	vkAs(t, reader, "", "recover").want(t, exitcode.Denied, "permission denied")
	vkAs(t, "hvs.nobody", "", "list").want(t, exitcode.Denied, "not logged in")
}

// anyID has the form of a rotation's id.
const anyID = "20200101T000000.000000000Z-v1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestCommands_Unavailable(t *testing.T) {
	t.Parallel()
	nowhere := []string{"--address", "http://127.0.0.1:1", "--timeout", "1s", "--token-file", file(t, "hvs.nobody")}
	for _, args := range [][]string{
		{"get", "p"}, {"list"}, {"put", "p", "api_key=-"}, {"rotate", "p", "--new-key-stdin"}, {"rollback", "p"},
		{"backups", "p"}, {"history", "p"}, {"recover"}, {"status"}, {"abort", "p", anyID},
		{"revoke-old", "p", anyID, "--cmd", "true"}, {"backups", "p", "prune", "--keep", "1"}, {"rotate", "p", "q", "--auto"},
		{"import", file(t, "P_API_KEY="+newKey()), "--yes"}, {"import", "--from-path", "secret/old", "--yes"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			vkBare(t.Context(), t, newKey(), append(args, nowhere...)...).want(t, exitcode.Unavailable, "unavailable")
		})
	}
}

package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// On a terminal, --all asks first, and continues only after a yes.
func TestRotateAll_AsksOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	base := vaulttest.Name(t)
	vk(t, newKey(), "put", "one", "api_key=-", "--base", base).ok(t)
	for _, tc := range []struct {
		answer, flags string
		code          int
		rotated       bool
	}{
		{"\n", "", exitcode.Failure, false}, {"no\n", "", exitcode.Failure, false}, {"y\n", "", exitcode.OK, true},
		{"", "--yes", exitcode.OK, true},
	} {
		code, out, shown := answering(t, tc.answer, strings.Fields("rotate --all --auto --base "+base+" "+tc.flags)...)
		asked := strings.Contains(shown, "every provider at secret/"+base+"/providers (number: 1) with a random key")
		if code != tc.code || asked != (tc.flags == "") || strings.Contains(out, "Rotated one") != tc.rotated {
			t.Errorf("vaultkit rotate --all --auto %s, answer %q: exit code = %d, prints %q, terminal shows %q, want %d, rotated %t, question %t",
				tc.flags, tc.answer, code, out, shown, tc.code, tc.rotated, tc.flags == "")
		}
	}
}

// answering runs the program on a terminal on which an answer is typed, on the tests' server. It returns
// the exit code, the standard output, and what the terminal shows.
func answering(t *testing.T, answer string, args ...string) (code int, out, shown string) {
	t.Helper()
	return answeringBare(t, answer, append(args, connect(t, vaulttest.Server().RootToken())...)...)
}

// answeringBare is answering without flags for a connection.
func answeringBare(t *testing.T, answer string, args ...string) (code int, out, shown string) {
	t.Helper()
	person, program, screen, ended := openTerminal(t)
	if _, err := person.WriteString(answer); err != nil {
		t.Fatalf("person.WriteString() = %v, want no error", err)
	}
	var printed strings.Builder
	code = run(t.Context(), args, terminal.Streams{In: program, Out: &printed, Err: program})
	_ = program.Close()
	<-ended
	_ = person.Close()
	return code, printed.String(), screen.String()
}

// On a terminal, prune shows what it will delete, and continues only after a yes.
func TestPrune_AsksOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, tc := range []struct {
		answer, flags string
		code          int
		asked, pruned bool
	}{
		{"\n", "--keep 2", exitcode.Failure, true, false},
		{"no\n", "--keep 2", exitcode.Failure, true, false},
		{"y\n", "--keep 2", exitcode.OK, true, true},
		{"yes\n", "--keep 2 --json", exitcode.OK, true, true},
		{"", "--keep 2 --yes", exitcode.OK, false, true},
		{"", "--keep 2 --dry-run", exitcode.OK, false, false},
		{"", "--keep 3", exitcode.OK, false, false}, // nothing would be deleted
	} {
		provider, ids := backedUp(t, 3)
		left := ids
		if tc.pruned {
			left = ids[1:]
		}
		code, _, shown := answering(t, tc.answer, append([]string{"backups", provider, "prune"}, strings.Fields(tc.flags)...)...)
		asked := strings.Contains(shown, "Delete them (1)? [y/N]") && strings.Contains(shown, ids[0])
		if code != tc.code || asked != tc.asked {
			t.Errorf("vaultkit backups prune %s, answer %q: exit code = %d, terminal shows %q, want %d, a question: %t",
				tc.flags, tc.answer, code, shown, tc.code, tc.asked)
		}
		got := idsOf(t, vk(t, "", "backups", provider, "--json").ok(t))
		slices.Reverse(got)
		if !slices.Equal(got, left) {
			t.Errorf("vaultkit backups after prune %s, answer %q = %q, want %q", tc.flags, tc.answer, got, left)
		}
	}
}

// On a terminal, revoke-old shows whose keys it will revoke, and continues only after a yes.
func TestRevokeOldMany_AsksOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, tc := range []struct {
		answer, flags  string
		code           int
		asked, revoked bool
	}{
		{"\n", "1ms", exitcode.Failure, true, false},
		{"no\n", "1ms", exitcode.Failure, true, false},
		{"y\n", "1ms", exitcode.OK, true, true},
		{"yes\n", "1ms --json", exitcode.OK, true, true},
		{"", "1ms --yes", exitcode.OK, false, true},
		{"", "1ms --dry-run", exitcode.OK, false, false},
		{"", "1h", exitcode.OK, false, false}, // nothing would be revoked
	} {
		provider, _, _, _ := rotated(t)
		code, _, shown := answering(t, tc.answer, append([]string{"revoke-old", provider, "--cmd", "true", "--older-than"}, strings.Fields(tc.flags)...)...)
		asked := strings.Contains(shown, provider+" version 1, replaced at 20") && strings.Contains(shown, "Revoke these old keys for good (1)? [y/N]")
		if code != tc.code || asked != tc.asked {
			t.Errorf("vaultkit revoke-old --older-than %s, answer %q: exit code = %d, terminal shows %q, want %d, a question: %t",
				tc.flags, tc.answer, code, shown, tc.code, tc.asked)
		}
		record := decode[[]vaultkit.Record](t, vk(t, "", "history", provider, "--json").ok(t), true)[0]
		if revoked := record.Revocation != nil; revoked != tc.revoked {
			t.Errorf("after vaultkit revoke-old --older-than %s, answer %q, the key is revoked: %t, want %t", tc.flags, tc.answer, revoked, tc.revoked)
		}
	}
}

// On a terminal, setup shows its plan and asks, and continues only after a yes.
func TestSetup_AsksOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, tc := range []struct {
		answer, flags string
		code          int
		asked, made   bool
	}{
		{"\n", "", exitcode.Failure, true, false},
		{"no\n", "", exitcode.Failure, true, false},
		{"y\n", "", exitcode.OK, true, true},
		{"yes\n", "--json", exitcode.OK, true, true},
		{"", "--yes", exitcode.OK, false, true},
		{"", "--dry-run", exitcode.OK, false, false},
	} {
		base := strings.ToLower(vaulttest.Name(t))
		code, out, shown := answering(t, tc.answer, strings.Fields("setup --policy monitor --base "+base+" "+tc.flags)...)
		asked := strings.Contains(shown, "create    policy vaultkit-monitor-") && strings.Contains(shown, "Make these changes (1)? [y/N]")
		if code != tc.code || asked != tc.asked {
			t.Errorf("vaultkit setup %s, answer %q: exit code = %d, prints %q, terminal shows %q, want %d, a question: %t",
				tc.flags, tc.answer, code, out, shown, tc.code, tc.asked)
		}
		name, err := policy.Name(policy.Monitor, policy.AtBasePath(base))
		if err != nil {
			t.Fatalf("policy.Name = %v, want no error", err)
		}
		text, err := vaulttest.Root(t).Sys().GetPolicyWithContext(t.Context(), name)
		if err != nil || (text != "") != tc.made {
			t.Errorf("the policy %s after vaultkit setup %s, answer %q = %q, %v, want it there: %t", name, tc.flags, tc.answer, text, err, tc.made)
		}
	}
}

// What changes in Vault while the question waits is not overwritten.
func TestSetup_ReadsAgainAfterTheQuestion(t *testing.T) {
	t.Setenv("TERM", "xterm")
	w := newSetupWorld(t)
	const path = "sys/policies/acl/vaultkit-monitor"
	reads := 0
	w.proxy.SetRule(faultproxy.When(
		func(r faultproxy.Request) bool {
			if r.Method == http.MethodGet && r.Path == path {
				reads++
			}
			return reads == 2
		},
		faultproxy.Before(func() { w.write(t, path, map[string]any{"policy": `path "theirs" { capabilities = ["read"] }`}) })))
	args := append([]string{"setup", "--policy", "monitor", "--no-audit-header"}, w.flags...)
	code, _, shown := answeringBare(t, "y\n", args...)
	if code != exitcode.Conflict || !strings.Contains(shown, "nothing was changed") {
		t.Errorf("vaultkit setup exits with %d, terminal shows %q, want %d and that nothing was changed", code, shown, exitcode.Conflict)
	}
	if got := w.writes(); len(got) != 0 {
		t.Errorf("vaultkit setup writes to %q, want no write", got)
	}
	w.proxy.SetRule(nil)
	if code, _, shown := answeringBare(t, "y\n", args...); code != exitcode.OK {
		t.Errorf("vaultkit setup again exits with %d, terminal shows %q, want %d", code, shown, exitcode.OK)
	}
}

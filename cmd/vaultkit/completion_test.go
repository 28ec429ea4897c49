package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
)

// completed returns the completions for the last argument, without required flags, and the
// directive for the shell.
func completed(t testing.TB, args ...string) (offered []string, directive string) {
	t.Helper()
	r := vkBare(t.Context(), t, "", append([]string{"__complete"}, args...)...)
	lines := strings.Split(strings.TrimSuffix(r.ok(t), "\n"), "\n")
	if strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "Completion ended with directive: ") {
		t.Errorf("completion of %q: stderr = %q, want the directive alone", args, r.err)
	}
	for _, line := range lines[:len(lines)-1] {
		if word, _, _ := strings.Cut(line, "\t"); !strings.HasPrefix(word, "--") {
			offered = append(offered, word)
		}
	}
	return offered, lines[len(lines)-1]
}

// Directives, as cobra prints them.
const (
	files, noFiles, noFilesInOrder, noFilesNoSpace = ":0", ":4", ":36", ":6"
)

func TestComplete_OffersProviders(t *testing.T) {
	base := vaulttest.Name(t) // all the providers of a base of its own
	for _, name := range []string{"one", "other", "two"} {
		vk(t, newKey(), "put", name, "api_key=-", "--base", base).ok(t)
	}
	t.Setenv("VAULTKIT_BASE", base)
	connection := connect(t, vaulttest.Server().RootToken())
	for call, want := range map[string]string{
		"get ":                 "one other two",
		"get o":                "one other",
		"get x":                "",
		"get one ":             "",
		"status ":              "one other two",
		"status two ":          "one other",
		"recover two o":        "one other",
		"rotate ":              "one other two",
		"rotate --auto other ": "one two",
		"rotate --provider o":  "one other",
		"rollback ":            "one other two",
		"revoke-old t":         "two",
		"backups ":             "one other two",
		"backups one ":         "prune",
		"backups one p":        "prune",
		"backups one prune ":   "",
		"history ":             "one other two",
		"abort ":               "one other two",
		"abort one ":           "",
		"put ":                 "",
		"put one ":             "",
		"list ":                "",
		"policy reader ":       "",
		"policy reader --provider one --provider ": "other two",
		"get --auth ":                  "token approle kubernetes jwt none",
		"get --auth k":                 "kubernetes",
		"get --auth j":                 "jwt",
		"get --jwt-role ":              "",
		"get --field ":                 "",
		"rotate --reason ":             "",
		"get --timeout ":               "",
		"verify one ":                  "other two",
		"verify --with o":              "one= other=",
		"verify --with one=o":          "one=openai one=openrouter",
		"rotate one --verify ":         "anthropic fireworks groq mistral openai openrouter together xai",
		"rotate one --verify-unknown ": "fail warn",
	} {
		args := strings.Split(call, " ")
		offered, directive := completed(t, slices.Concat(args[:1], connection, args[1:])...)
		if got := strings.Join(offered, " "); got != want || !slices.Contains([]string{noFiles, noFilesInOrder, noFilesNoSpace}, directive) {
			t.Errorf("completion of %q = %q (%s), want %q", call, got, directive, want)
		}
	}
	for _, call := range []string{"rotate --new-key-file ", "rotate --verify-cmd ", "revoke-old p i --cmd ", "get --token-file ", "get --jwt-token-file ", "get --ca-cert "} {
		if offered, directive := completed(t, strings.Split(call, " ")...); len(offered) > 0 || directive != files {
			t.Errorf("completion of %q = %q (%s), want files", call, offered, directive)
		}
	}
}

// exec completes providers before the command and files in it.
func TestComplete_ExecTakesProvidersThenFiles(t *testing.T) {
	t.Parallel()
	base := vaulttest.Name(t)
	for _, provider := range []string{"one", "other", "two"} {
		vk(t, newKey(), "put", provider, "api_key=-", "--base", base).ok(t)
	}
	connection := append(connect(t, vaulttest.Server().RootToken()), "--base", base)
	for call, want := range map[string]string{
		"exec ":          "one other two",
		"exec o":         "one other",
		"exec one ":      "other two",
		"exec -- cat ":   "",
		"exec one -- a ": "",
	} {
		args := strings.Split(call, " ")
		offered, directive := completed(t, slices.Concat(args[:1], connection, args[1:])...)
		if got := strings.Join(offered, " "); got != want || directive != files {
			t.Errorf("completion of %q = %q (%s), want %q, or files", call, got, directive, want)
		}
	}
}

func TestComplete_OffersIDs(t *testing.T) {
	t.Parallel()
	connection := connect(t, vaulttest.Server().RootToken())
	provider, _, _, committed := rotated(t)
	plan := vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--dry-run", "--json").ok(t)
	pending := decode[vaultkit.Rotation](t, plan, true).ID
	orphan(t, provider, pending)
	for call, want := range map[string]string{
		"abort P ":                   pending,
		"abort P 1999":               "",
		"abort P ID ":                "",
		"revoke-old P ":              committed,
		"rollback P --to ":           pending + " " + committed,
		"rollback P --to 2":          pending + " " + committed,
		"rollback --to ":             "", // no provider yet
		"rollback --dry-run P --to ": pending + " " + committed,
	} {
		args := strings.Split(strings.ReplaceAll(call, "P", provider), " ")
		offered, directive := completed(t, append(connection, args...)...)
		if got := strings.Join(offered, " "); got != want || directive == files {
			t.Errorf("completion of %q = %q (%s), want %q", call, got, directive, want)
		}
	}
	vkBare(t.Context(), t, "", slices.Concat([]string{"__complete"}, connection,
		[]string{"rollback", provider, "--to", ""})...).shows(t, committed+"\tversion 1, committed, -\n")
}

// If Vault cannot be asked, completion ends within seconds and prints nothing.
func TestComplete_OffersNothingWithoutVault(t *testing.T) {
	for _, variable := range []string{"VAULT_ADDR", "VAULT_TOKEN"} {
		t.Setenv(variable, "")
	}
	t.Setenv("HOME", t.TempDir())
	var config net.ListenConfig
	silent, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts connections, never responds
	if err != nil {
		t.Fatalf("config.Listen() = %v, want no error", err)
	}
	defer func() { _ = silent.Close() }()
	token, calls := file(t, "hvs.nobody"), [][]string{{"get", ""}, {"rollback", "p", "--to", ""}}
	for name, flags := range map[string][]string{
		"no address":       nil,
		"no token":         {"--address", vaulttest.Server().Addr()},
		"no such token":    {"--address", vaulttest.Server().Addr(), "--token-file", token},
		"no server":        {"--address", "http://127.0.0.1:1", "--token-file", token},
		"no response":      {"--address", "http://" + silent.Addr().String(), "--token-file", token},
		"denied":           connect(t, role(t, "provisioner")),
		"denied, verbose":  append(connect(t, role(t, "provisioner")), "--verbose"),
		"unknown login":    append(connect(t, role(t, "reader")), "--auth", "ldap"),
		"no such mount":    append(connect(t, vaulttest.Server().RootToken()), "--mount", "nope"),
		"flags contradict": append(connect(t, role(t, "reader")), "--role-id", "x"),
	} {
		start, call := time.Now(), calls[len(name)%2]
		if offered, _ := completed(t, slices.Concat(flags, call)...); len(offered) > 0 {
			t.Errorf("completion of %q with %s = %q, want nothing", call, name, offered)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("completion of %q with %s took %s, want at most 5s", call, name, took)
		}
	}
}

// Completion does not use a secret id that is valid for one login only.
func TestComplete_UsesNoLoginUp(t *testing.T) {
	provider, key := stored(t)
	roleID, wrapping := appRole(t, true)
	t.Setenv("VAULT_ADDR", vaulttest.Server().Addr())
	t.Setenv("VAULT_ROLE_ID", roleID)
	t.Setenv("VAULTKIT_WRAPPED_SECRET_ID", wrapping)
	for _, flags := range [][]string{{}, {"--auth", "approle"}, {"--role-id", roleID}} {
		if offered, _ := completed(t, append(append([]string{"get"}, flags...), "")...); len(offered) > 0 {
			t.Errorf("completion with %q = %q, want nothing: it must not log in", flags, offered)
		}
	}
	vkBare(t.Context(), t, "", "get", provider).prints(t, key+"\n")
	t.Setenv("VAULT_TOKEN", vaulttest.Server().RootToken()) // has precedence
	if offered, _ := completed(t, "get", provider[:len(provider)-1]); !slices.Contains(offered, provider) {
		t.Errorf("completion with a token = %q, want the provider in it", offered)
	}
}

func TestComplete_StopsWhenInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	args := append([]string{"__complete", "get"}, connect(t, vaulttest.Server().RootToken())...)
	if r := vkBare(ctx, t, "", append(args, "")...); r.ok(t) != noFiles+"\n" {
		t.Errorf("completion after Ctrl-C = %q, want nothing", r.out)
	}
}

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// storedAs stores a provider with a short name.
func storedAs(t testing.TB, name string) (provider, key string) {
	t.Helper()
	key = newKey()
	vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": key, "organization": "it's"})
	return name, key
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("os.ReadFile() = %v, want no error", err)
	}
	return string(text)
}

func TestEnv(t *testing.T) {
	t.Parallel()
	provider, key := storedAs(t, "env-a")
	reader := role(t, "reader")
	json := "{\n  \"ENV_A_API_KEY\": \"" + key + "\",\n  \"ENV_A_ORGANIZATION\": \"it's\"\n}\n"
	for args, want := range map[string]string{
		"":                      "export ENV_A_API_KEY='" + key + "';\nexport ENV_A_ORGANIZATION='it'\\''s';\n",
		"--format sh":           "export ENV_A_API_KEY='" + key + "';\nexport ENV_A_ORGANIZATION='it'\\''s';\n",
		"--format dotenv":       "ENV_A_API_KEY='" + key + "'\nENV_A_ORGANIZATION=\"it's\"\n",
		"--format docker":       "ENV_A_API_KEY=" + key + "\nENV_A_ORGANIZATION=it's\n",
		"--format fish":         "set --global --export --unpath ENV_A_API_KEY '" + key + "';\nset --global --export --unpath ENV_A_ORGANIZATION 'it\\'s';\n",
		"--format powershell":   "$env:ENV_A_API_KEY = '" + key + "'\n$env:ENV_A_ORGANIZATION = 'it''s'\n",
		"--format json":         json,
		"--json":                json,
		"--json --format json":  json,
		"--prefix my_ --json":   strings.ReplaceAll(json, "ENV_A", "my_ENV_A"),
		"--format docker env-a": "ENV_A_API_KEY=" + key + "\nENV_A_ORGANIZATION=it's\n",
	} {
		r := vkAs(t, reader, "", append([]string{"env", provider}, strings.Fields(args)...)...)
		if r.ok(t) != want || r.err != "" {
			t.Errorf("vaultkit env %s prints %q, stderr = %q, want %q and nothing on stderr", args, r.out, r.err, want)
		}
	}
}

func TestEnvRefuses(t *testing.T) {
	t.Parallel()
	provider, _ := storedAs(t, "env-r")
	vaulttest.Put(t, "providers/env-lines", map[string]any{"api_key": newKey() + "\nsecond"})
	vaulttest.Put(t, "providers/env-clash", map[string]any{"a-b": newKey(), "a.b": newKey()})
	vaulttest.Put(t, "providers/bash", map[string]any{"env": newKey()})
	mine := file(t, "KEY=mine\n")
	for args, says := range map[string]string{
		provider + " --format csh":            "--format must be one of sh, dotenv,",
		provider + " --json --format sh":      "contradict",
		provider + " --prefix 1":              "prefix",
		provider + " --out " + mine:           mine + " exists",
		provider + " --out /tmp/env.vault":    "everybody",
		"env-lines --format docker":           "ENV_LINES_API_KEY",
		"env-clash":                           `field "a-b" of env-clash and field "a.b" of env-clash are both ENV_CLASH_A_B`,
		"bash":                                "BASH_ENV",
		"a/b":                                 "provider name",
		provider + " --format github --out /": "names no file",
	} {
		vk(t, "", append([]string{"env"}, strings.Fields(args)...)...).want(t, exitcode.Usage, says)
	}
	vk(t, "", "env", vaulttest.Name(t)).want(t, exitcode.NotFound, "not found")
	vkAs(t, role(t, "monitor"), "", "env", provider).want(t, exitcode.Denied, "permission denied")
	if got := read(t, mine); got != "KEY=mine\n" {
		t.Errorf("after vaultkit env --out, the file that another program wrote holds %q, want no change", got)
	}
}

func TestEnvOfAll(t *testing.T) {
	t.Parallel()
	base := vaulttest.Name(t)
	r := vk(t, "", "env", "--base", base, "--json")
	r.errHas(t, "vaultkit put")
	r.prints(t, "{\n\n}\n")
	for _, name := range []string{"two", "one"} {
		vk(t, newKey(), "put", name, "api_key=-", "--base", base).ok(t)
	}
	found := decode[map[string]string](t, vk(t, "", "env", "--base", base, "--json").ok(t), true)
	if len(found) != 2 || found["ONE_API_KEY"] == "" || found["TWO_API_KEY"] == "" {
		t.Errorf("vaultkit env --json prints the variables %q, want ONE_API_KEY and TWO_API_KEY", slices.Sorted(maps.Keys(found)))
	}
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	provider, key := storedAs(t, "env-f")
	path := filepath.Join(t.TempDir(), ".env.vault")
	for _, format := range []string{"sh", "json", "dotenv"} { // each replaces the file of the one before
		r := vk(t, "", "env", provider, "--format", format, "--out", path)
		r.prints(t, "")
		if want := "Wrote 2 variables to " + path + ": ENV_F_API_KEY, ENV_F_ORGANIZATION\n"; r.err != want {
			t.Errorf("vaultkit env --format %s --out: stderr = %q, want %q", format, r.err, want)
		}
		has(t, "file of vaultkit env --format "+format, read(t, path), key)
	}
}

// In GitHub Actions, the masks are printed to stdout, but never with data.
func TestEnvInActions(t *testing.T) {
	provider, key := storedAs(t, "env-g")
	runner, path := file(t, ""), filepath.Join(t.TempDir(), ".env.vault")
	vk(t, "", "env", provider, "--format", "github").want(t, exitcode.Usage, "$GITHUB_ENV")
	t.Setenv("GITHUB_ENV", runner)
	t.Setenv("GITHUB_ACTIONS", "true")
	masks := "::add-mask::" + key + "\n::add-mask::it's\n"
	for range 2 {
		r := vk(t, "", "env", provider, "--format", "github")
		r.prints(t, masks)
		r.errHas(t, "Wrote 2 variables to "+runner)
	}
	text := read(t, runner)
	if strings.Count(text, "ENV_G_API_KEY<<vaultkit_") != 2 || strings.Count(text, "\n"+key+"\n") != 2 || strings.Contains(text, "::") {
		t.Errorf("vaultkit env --format github, run twice, writes %q, want the key twice and no mask", text)
	}
	vk(t, "", "env", provider, "--out", path).prints(t, masks)
	if out := vk(t, "", "env", provider).ok(t); strings.Contains(out, "::add-mask") {
		t.Errorf("vaultkit env prints %q, want no mask among the data", out)
	}
	vk(t, "", "env", vaulttest.Name(t), "--format", "github").want(t, exitcode.NotFound, "not found")
}

// env refuses to print the masks into the file for the variables.
func TestEnv_RefusesRedirectionToTheRunnersFile(t *testing.T) {
	t.Parallel()
	provider, _ := storedAs(t, "env-h")
	runner := file(t, "")
	out, err := os.OpenFile(runner, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatalf("os.OpenFile() = %v, want no error", err)
	}
	defer out.Close()
	args := append([]string{"env", provider, "--format", "github", "--out", runner}, connect(t, vaulttest.Server().RootToken())...)
	vkTo(t.Context(), t, out, "", args...).exits(t, exitcode.Usage, "redirect")
	if got := read(t, runner); got != "" {
		t.Errorf("after vaultkit env --format github with redirected output, the file holds %q, want nothing", got)
	}
}

// exec finds the command before it connects to Vault.
func TestExec_ChecksTheCommandFirst(t *testing.T) {
	t.Parallel()
	text := file(t, "no program")
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitcode.Usage, "after --"}, {[]string{"--"}, exitcode.Usage, "after --"}, {[]string{"env"}, exitcode.Usage, "after --"},
		{[]string{"openai", "--"}, exitcode.Usage, "after --"}, {[]string{"sh", "-c", "exit"}, exitcode.Usage, "after --"},
		{[]string{"--", "vaultkit-no-such-command"}, 127, "vaultkit-no-such-command: the command was not started: there is no such command"},
		{[]string{"--", "./no\x1b[2J"}, 127, `./no\x1b[2J: the command was not started`},
		{[]string{"--", "SOME_KEY=sk-canary ./run"}, 127, "SOME_KEY: the command was not started"},
		{[]string{"--", "./run --key sk-canary"}, 127, "./run: the command was not started"},
		{[]string{"--", "=sk-canary"}, 127, "the command was not started"},
		{[]string{"--", filepath.Join(t.TempDir(), "nothing")}, 127, "no such command"},
		{[]string{"--", text}, 126, "not started"},
		{[]string{"--", t.TempDir()}, 126, "not started"},
	} {
		r := vkBare(t.Context(), t, "", append([]string{"exec"}, tc.args...)...)
		if r.want(t, tc.code, tc.says); strings.Contains(r.err, "sk-canary") {
			t.Errorf("vaultkit %s: stderr = %q, want only the program's name", r.call, r.err)
		}
	}
}

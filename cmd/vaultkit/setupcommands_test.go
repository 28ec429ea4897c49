//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/vaulttest"
)

// volatile matches what differs between two servers with the same settings.
var volatile = regexp.MustCompile(`"(accessor|uuid)":"[^"]*"|"options":(null|\{\})`)

// settings returns the state without what differs between two servers.
func (w *setupWorld) settings(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for path, text := range w.state(t) {
		if !strings.HasSuffix(path, "-id") {
			found[path] = volatile.ReplaceAllString(text, "")
		}
	}
	return found
}

// runCommands runs the commands that a dry run printed, in a shell with vault and vaultkit.
func (w *setupWorld) runCommands(t *testing.T, printed string) (out string) {
	t.Helper()
	_, commands, found := strings.Cut(printed, "These commands do the same:\n")
	if !found {
		t.Fatalf("vaultkit setup --dry-run prints %q, want commands", printed)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("os.Executable = %v, want no error", err)
	}
	dir := t.TempDir()
	for name, path := range map[string]string{"vault": self, "vaultkit": program(t)} {
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatalf("os.Symlink = %v, want no error", err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", commands)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "VAULT_TOKEN="+w.root.Token())
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sh -c %q = %v, want no error:\n%s", commands, err, text)
	}
	return string(text)
}

// A dry run writes nothing, and the vault commands that it prints do what setup does.
func TestSetup_PrintsEquivalentCommands(t *testing.T) {
	t.Parallel()
	byHand, bySetup := newSetupWorld(t), newSetupWorld(t)
	reviewer := file(t, byHand.cluster.JWT("canary-reviewer", true))
	second := file(t, newTokenIssuer(t).publicKey(t))
	byHand.ca = filepath.Join(t.TempDir(), "it's the $CA")
	vaulttest.WriteFile(t, byHand.ca, byHand.cluster.Config()["kubernetes_ca_cert"].(string))
	everything := append(byHand.everything(), "--kubernetes-reviewer-jwt", reviewer)
	gitlab := []string{"--gitlab", "goblin/assistant", "--gitlab-id", "2002", "--gitlab-issuer", issuerURL, "--issuer-key", byHand.key,
		"--issuer-key", second, "--environment", "the production", "--branch", "release/1.x", "--mount", "team/kv", "--base", "a/b",
		"--provider", "openai", "--provider", "x.y"}
	quoted := []string{"--jwt", "auditor", "--issuer", issuerURL, "--issuer-key", byHand.key,
		"--bound-claim", `why=it's "quoted" $HOME`, "--bound-claim", "a=\\", "--user-claim", "job"}
	for _, args := range [][]string{everything, gitlab, quoted} {
		before := byHand.state(t)
		dry := byHand.setup(t, append(args, "--dry-run")...).ok(t)
		if got := byHand.writes(); len(got) != 0 {
			t.Errorf("vaultkit setup --dry-run writes to %q, want no write", got)
		}
		sameState(t, "after a dry run", byHand.state(t), before)
		for _, secret := range []string{"PRIVATE", "-----BEGIN", readAll(t, reviewer)} {
			if strings.Contains(dry, secret) {
				t.Errorf("vaultkit setup --dry-run prints %q, want files named and not printed", dry)
			}
		}
		printed := byHand.runCommands(t, dry)
		if ids := strings.Fields(printed); len(args) == len(everything) && len(ids) != 4 {
			t.Errorf("the commands print %q, want a role id and a wrapping token for each AppRole", printed)
		}
		byHand.setup(t, args...).shows(t, "Nothing to change")
		done := bySetup.setup(t, append(args, "--yes")...).ok(t)
		if strings.Contains(done, readAll(t, reviewer)) || strings.Contains(done, "-----BEGIN") {
			t.Errorf("vaultkit setup prints %q, want no content of a file in it", done)
		}
	}
	sameState(t, "after the printed commands", byHand.settings(t), bySetup.settings(t))

	byHand.write(t, "sys/policies/acl/vaultkit-rotator", map[string]any{"policy": `path "x" { capabilities = ["read"] }`})
	byHand.write(t, "auth/approle/role/vaultkit-reader", map[string]any{"token_ttl": "3h", "token_period": "3h"})
	byHand.write(t, "auth/jwt-github/role/vaultkit-rotator", map[string]any{"role_type": "jwt", "bound_claims": map[string]any{"ref": "x"}})
	byHand.runCommands(t, byHand.setup(t, append(everything, "--dry-run")...).ok(t))
	sameState(t, "after the printed commands restored it", byHand.settings(t), bySetup.settings(t))

	replaced := slices.Concat(everything, []string{"--replace-config", "--replace-role", "--audience", "@vault"})
	for _, w := range []*setupWorld{byHand, bySetup} {
		w.write(t, "auth/kubernetes/config", map[string]any{"kubernetes_host": "https://theirs.example.invalid",
			"kubernetes_ca_cert": readAll(t, w.ca), "issuer": "@them"})
		w.write(t, "auth/jwt-github/config", map[string]any{"bound_issuer": "https://theirs.example.invalid",
			"jwt_validation_pubkeys": readAll(t, second), "default_role": "it's them", "jwt_supported_algs": []string{"ES256", "ES384"}})
	}
	byHand.runCommands(t, byHand.setup(t, append(replaced, "--dry-run")...).ok(t))
	bySetup.setup(t, append(replaced, "--yes")...).shows(t, "replace   config of the auth mount kubernetes", "replace   config of the auth mount jwt-github")
	sameState(t, "after the printed commands replaced it", byHand.settings(t), bySetup.settings(t))
}

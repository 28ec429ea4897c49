package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/sandbox"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// tidy gives the test a directory for temporary files, and fails the test if it leaves a
// file there.
func tidy(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("files left behind = %v, %v, want none", left, err)
		}
	})
}

func TestDemo(t *testing.T) {
	checkDemo(t, "no real\nVault", "demo")
}

func TestDemo_OnARealVault(t *testing.T) {
	short.RealOnly(t, "a real Vault server")
	checkDemo(t, vaulttest.Server().Name()+" is running", "demo", "--server", "vault")
}

// checkDemo runs the demo and checks that it shows every step.
func checkDemo(t *testing.T, server string, args ...string) {
	t.Helper()
	tidy(t)
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1") // the demo must ignore it
	t.Setenv("VAULTKIT_BASE", "elsewhere")
	start := time.Now()
	out := vkBare(t.Context(), t, "", args...).ok(t)
	t.Logf("vaultkit %s took %s", strings.Join(args, " "), time.Since(start).Round(time.Millisecond))
	if strings.Contains(out, "hvs.") {
		t.Errorf("vaultkit demo prints %q, want no token in it", out)
	}
	for line := range strings.Lines(out) {
		if len(line) > 101 {
			t.Errorf("vaultkit demo prints a line of %d columns, want at most 100: %s", len(line)-1, line)
		}
	}
	rest := out
	for _, milestone := range []string{
		server,
		"1. Store", "secret/goblin-assistant/providers/openai-gpt4", sandbox.OldKey,
		"2. Read", sandbox.OldKey,
		"3. Rotate", "1 -> 2", "sk-demo-new-not-a-real-key", "org-demo (not touched)",
		"4. Look at", "secret/goblin-assistant/backups/openai-gpt4/", "secret/goblin-assistant/rotations/openai-gpt4/", "committed, acknowledged", "quarterly",
		"5. Crash", "ErrUndetermined", "-v2-", "sk-demo-newer-not-a-real-key", "has none", "vaultkit recover openai-gpt4", "committed, inferred", "2 -> 3   committed  inferred",
		"6. Roll back", "3 -> 4", "sk-demo-new-not-a-real-key", "3 -> 4   committed  acknowledged", "2 -> 3", "1 -> 2",
		"7. The end", "vaultkit dev", "export VAULT_ADDR", "vaultkit put", "vaultkit get", "vaultkit rotate", "README",
	} {
		_, after, found := strings.Cut(rest, milestone)
		if !found {
			t.Fatalf("vaultkit demo prints %q after the earlier steps, want %q in it", rest, milestone)
		}
		rest = after
	}
}

func TestDemo_FailsIfOutputFails(t *testing.T) {
	tidy(t)
	vkTo(t.Context(), t, failing{}, "", "demo").exits(t, exitcode.Failure, "vaultkit: nobody listens")
}

func TestDemoInterrupted(t *testing.T) {
	tidy(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &watcher{text: "3. Rotate it", found: interrupt}
	vkTo(ctx, t, out, "", "demo").exits(t, exitcode.Failure, "step 3", "cancel")
}

func TestDemoWithoutVault(t *testing.T) {
	tidy(t)
	t.Setenv("VAULTKIT_VAULT_BIN", "/nowhere/vault")
	vkBare(t.Context(), t, "", "demo", "--server", "vault").exits(t, exitcode.Failure, "/nowhere/vault")
}

// watcher is an output that calls found when the text is written.
type watcher struct {
	text  string
	found func()
}

func (w *watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.found()
	}
	return io.Discard.Write(p)
}

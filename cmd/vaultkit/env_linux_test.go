package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/vaulttest"
)

func TestEnvProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	base := vaulttest.Name(t)
	for _, name := range []string{"a", "b", "c"} {
		vk(t, newKey(), "put", name, "api_key=-", "--base", base).ok(t)
	}
	code, shown, out := onTerminal(t.Context(), t, true, "env", "--base", base, "--json")
	if code != exitcode.OK || len(decode[map[string]string](t, out, true)) != 3 {
		t.Errorf("vaultkit env --json: exit code = %d, prints %q, want %d and 3 variables", code, out, exitcode.OK)
	}
	has(t, "vaultkit env --json: terminal", shown, "reading", "0/3")
	if left := strings.Join(seen(shown), "\n"); left != "" || strings.Contains(shown, canary) {
		t.Errorf("vaultkit env --json leaves %q on the terminal, want nothing", left)
	}
}

// If the masks cannot be printed, env writes no file: later steps of the job would print
// the keys unmasked.
func TestEnv_WritesNoFileWithoutMasks(t *testing.T) {
	provider, _ := storedAs(t, "env-m")
	runner, path := file(t, ""), filepath.Join(t.TempDir(), ".env.vault")
	t.Setenv("GITHUB_ENV", runner)
	t.Setenv("GITHUB_ACTIONS", "true")
	for _, args := range [][]string{{"--format", "github"}, {"--out", path}} {
		reader, out, err := os.Pipe()
		if err != nil {
			t.Fatalf("os.Pipe() = %v, want no error", err)
		}
		defer out.Close()
		reader.Close()
		r := vkTo(t.Context(), t, out, "", slices.Concat([]string{"env", provider}, args, connect(t, vaulttest.Server().RootToken()))...)
		r.want(t, exitcode.Failure, "the masks cannot be written", "broken pipe")
		if _, err := os.Stat(path); err == nil || read(t, runner) != "" {
			t.Errorf("vaultkit %s: Stat(%s) = %v, $GITHUB_ENV holds %q, want no key written without its mask", r.call, path, err, read(t, runner))
		}
	}
}

// maxMemory is how much memory env of 10,000 providers may use, in KiB.
const maxMemory = 100 << 10

// TestEnvOfMany has its own Vault, because other tests list all providers of theirs.
func TestEnvOfMany(t *testing.T) {
	t.Parallel()
	count := 10_000
	if vaulttest.OpenBao() { // its storage in memory is slow with many entries
		count = 1_000
	}
	server := vaulttest.Start(t)
	client, err := vaultkit.New(t.Context(), vaultkit.WithAddress(server.Addr()), vaultkit.WithToken(vaultkit.FromString(server.RootToken())))
	if err != nil {
		t.Fatalf("vaultkit.New() = %v, want no error", err)
	}
	defer client.Close()
	for err := range parallel.Stream(16, make([]int, count), func(int) error {
		key := newKey()
		_, err := client.PutProviderKeys(t.Context(), "p"+strings.TrimPrefix(key, canary),
			vaultkit.ProviderKeys{"api_key": key, "organization": "goblin"})
		return err
	}) {
		if err != nil {
			t.Fatalf("client.PutProviderKeys() = %v, want no error", err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program(t), "env", "--format", "json", "--address", server.Addr(),
		"--token-file", file(t, server.RootToken()))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	first := make([]byte, 1) // the program waits until the rest is read
	if _, err := io.ReadFull(pipe, first); err != nil {
		// The program has ended, so its memory cannot be measured.
		t.Fatalf("vaultkit env = %v, want output\n%s", errors.Join(err, cmd.Wait()), errs.String())
	}
	memory := peak(t, cmd.Process.Pid)
	rest, err := io.ReadAll(pipe)
	if err := errors.Join(err, cmd.Wait()); err != nil || errs.Len() > 0 {
		t.Fatalf("vaultkit env = %v, stderr = %q, want success and no warning", err, errs.String())
	}
	if found := decode[map[string]string](t, string(first)+string(rest), true); len(found) != 2*count {
		t.Errorf("vaultkit env of %d providers prints %d variables, want %d", count, len(found), 2*count)
	}
	fmt.Printf("env of %d providers: %d MiB, %v of CPU time\n", count, memory>>10, cmd.ProcessState.UserTime())
	if memory > maxMemory {
		t.Errorf("vaultkit env of %d providers takes %d KiB of memory, want at most %d", count, memory, maxMemory)
	}
}

// peak returns the largest resident memory of a process, in KiB. (The value of wait4
// includes that of its parent.)
func peak(t *testing.T, pid int) (kib int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("os.ReadFile() = %v, want no error", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(after, "%d kB", &kib); err != nil {
		t.Fatalf("reading VmHWM of process %d = %v, want a number in:\n%s", pid, err, status)
	}
	return kib
}

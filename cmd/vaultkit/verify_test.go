//go:build unix

package main

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// noted returns the environment that a command wrote to a file.
func noted(t testing.TB, path string) map[string]string {
	t.Helper()
	variables := make(map[string]string)
	for line := range strings.Lines(read(t, path)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		variables[name] = value
	}
	return variables
}

// ours returns the variables that vaultkit has set.
func ours(variables map[string]string) map[string]string {
	ours := maps.Clone(variables)
	maps.DeleteFunc(ours, func(name, _ string) bool {
		return !strings.HasPrefix(name, "VAULTKIT_") || name == "VAULTKIT_VAULT_BIN"
	})
	return ours
}

func TestVerifyEnvironment(t *testing.T) {
	provider := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": newKey(), "odd name.x": "org", "ü2": 7, "second": newKey()})
	key, path := newKey(), filepath.Join(t.TempDir(), "env")
	for name, value := range map[string]string{
		"SOME_KEY": key, "VAULT_TOKEN": "hvs.other", "VAULT_SECRET_ID": "x", "VAULTKIT_WRAPPED_SECRET_ID": "x",
		"VAULTKIT_ID": "stale", "VAULTKIT_FIELD_STALE": "stale", "OF_MINE": "stays",
	} {
		t.Setenv(name, value)
	}
	args := []string{"rotate", provider, "--new-key-env", "SOME_KEY", "--field", "second", "--verify-cmd", "cat; env >" + path}
	r := vkAs(t, role(t, "rotator"), "is not the command's", args...)
	if r.ok(t); r.err != "" {
		t.Errorf("vaultkit rotate --verify-cmd cat: stderr = %q, want nothing: the command has no input", r.err)
	}
	got := noted(t, path)
	want := map[string]string{
		"VAULTKIT_PROVIDER": provider, "VAULTKIT_KEY": key, "VAULTKIT_FIELD_SECOND": key,
		"VAULTKIT_FIELD_API_KEY": got["VAULTKIT_FIELD_API_KEY"], "VAULTKIT_FIELD_ODD_NAME_X": "org", "VAULTKIT_FIELD__2": "7",
	}
	if !maps.Equal(ours(got), want) || !strings.HasPrefix(want["VAULTKIT_FIELD_API_KEY"], canary) {
		t.Errorf("variables of the verify command = %v, want %v", ours(got), want)
	}
	for name := range got {
		if strings.HasPrefix(name, "VAULT_") || name == "SOME_KEY" {
			t.Errorf("environment of the verify command has %s, want it removed", name)
		}
	}
	if got["OF_MINE"] != "stays" || got["PATH"] == "" {
		t.Errorf("environment of the verify command: OF_MINE = %q, PATH = %q, want both as they are", got["OF_MINE"], got["PATH"])
	}
}

func TestVerifyFails(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	same := untouched(t, provider)
	rotator := role(t, "rotator")
	for name, tc := range map[string]struct {
		command, prints, says string
	}{
		"a status":     {"exit 3", "", "the verify command exited with status 3"},
		"our own code": {"exit 9", "", "the verify command exited with status 9"},
		"a signal":     {"kill -9 $$", "", "the verify command was ended by a signal: signal: killed"},
		"no such file": {"/nowhere/try-key", "", "the verify command exited with status 127"},
		"with the key": {`echo "key=$VAULTKIT_KEY!"; echo "$VAULTKIT_FIELD_ORGANIZATION" >&2; printf %s "$VAULTKIT_FIELD_API_KEY"; exit 1`,
			"key=[masked]!\n[masked]\n[masked]\n", "the verify command exited with status 1"},
		"in halves": {`printf %s "${VAULTKIT_KEY%????}"; echo "${VAULTKIT_KEY#"${VAULTKIT_KEY%????}"}"; exit 1`,
			"[masked]\n", "status 1"},
	} {
		for _, more := range [][]string{nil, {"--dry-run"}} {
			args := append([]string{"rotate", provider, "--new-key-stdin", "--verify-cmd", tc.command}, more...)
			r := vkAs(t, rotator, newKey(), args...)
			r.exits(t, exitcode.Failure, tc.says)
			r.errHas(t, "the new secret was not verified")
			if tc.prints != "" && !strings.HasPrefix(r.err, tc.prints+"vaultkit: ") || r.out != "" {
				t.Errorf("vaultkit rotate with a verify command that fails (%s) prints %q, stderr = %q, want nothing and %q first", name, r.out,
					r.err, tc.prints)
			}
		}
	}
	same()
	holds(t, provider, key)
}

func TestVerifyDryRun(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	same := untouched(t, provider)
	path := filepath.Join(t.TempDir(), "env")
	args := []string{"rotate", provider, "--new-key-stdin", "--dry-run", "--verify-cmd", "env >" + path}
	vk(t, newKey(), args...).shows(t, "verified", "yes, by the verify command")
	if noted(t, path)["VAULTKIT_KEY"] == "" {
		t.Error("vaultkit rotate --dry-run: VAULTKIT_KEY of the verify command is empty, want the new key")
	}
	same()
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	clash, null := vaulttest.Name(t), vaulttest.Name(t)
	ran := filepath.Join(t.TempDir(), "ran")
	vaulttest.Put(t, "providers/"+clash, map[string]any{"api_key": newKey(), "a-b": "1", "A.b": "2"})
	vaulttest.Put(t, "providers/"+null, map[string]any{"api_key": newKey(), "other": "a\x00b"})
	for _, tc := range []struct {
		provider, command string
		says              []string
	}{
		{clash, "touch " + ran, []string{`"A.b" and "a-b"`, "VAULTKIT_FIELD_A_B"}},
		{null, "touch " + ran, []string{`field "other"`, "NUL"}},
		{null, " ", []string{"--verify-cmd is empty"}},
	} {
		same := untouched(t, tc.provider)
		vk(t, newKey(), "rotate", tc.provider, "--new-key-stdin", "--verify-cmd", tc.command).want(t, exitcode.Usage, tc.says...)
		same()
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("vaultkit rotate ran the verify command, want it refused")
	}
}

// lifeline is a pipe that a command's processes hold open while they run.
type lifeline struct {
	path   string
	opened chan struct{} // closed when a process has opened it
	gone   chan struct{} // closed when no process has it open any more
}

func newLifeline(t testing.TB) *lifeline {
	t.Helper()
	l := &lifeline{filepath.Join(t.TempDir(), "lifeline"), make(chan struct{}), make(chan struct{})}
	if err := syscall.Mkfifo(l.path, 0o600); err != nil {
		t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
	}
	go func() {
		pipe, err := os.Open(l.path) // waits until the other end is open
		if err != nil {
			t.Errorf("os.Open() = %v, want no error", err)
			return
		}
		close(l.opened)
		_, _ = io.Copy(io.Discard, pipe)
		_ = pipe.Close()
		close(l.gone)
	}()
	return l
}

// Ctrl-C and the timeout end the command and the processes that it started, and vaultkit
// waits for their end.
func TestVerify_IsStoppedByCtrlCAndTimeout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trap      string
		interrupt bool
		timeout   string
		says      []string
	}{
		"Ctrl-C":        {"", true, "1m", []string{"the verify command was stopped", "has not changed"}},
		"ignores TERM":  {"trap '' TERM; ", true, "1m", []string{"the verify command was stopped", "has not changed"}},
		"exits on TERM": {"trap 'exit 0' TERM; ", true, "1m", []string{"the verify command was stopped", "has not changed"}},
		"timeout":       {"", false, "3s", []string{"did not end within --timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			provider, _ := stored(t)
			same := untouched(t, provider)
			line := newLifeline(t)
			go func() {
				if <-line.opened; tc.interrupt {
					interrupt()
				}
			}()
			command := tc.trap + "exec 9>" + line.path + "; sleep 300 & wait"
			args := append(connect(t, role(t, "rotator")), "rotate", provider, "--new-key-stdin", "--verify-cmd", command, "--timeout", tc.timeout)
			vkBare(ctx, t, newKey(), args...).want(t, exitcode.Failure, tc.says...)
			<-line.gone // hangs if a process is left
			same()
		})
	}
}

// vaultkit does not wait for a background process that keeps the command's output open.
func TestVerify_DoesNotWaitForBackgroundProcesses(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	key, path := newKey(), filepath.Join(t.TempDir(), "pid")
	vk(t, key, "rotate", provider, "--new-key-stdin", "--verify-cmd", "sleep 300 & echo $! >"+path).ok(t)
	holds(t, provider, key)
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, path)))
	if err != nil {
		t.Fatalf("strconv.Atoi() = %v, want no error", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("kill of the verify command's background process = %v, want no error: it must still run", err)
	}
}

// argvIsClean checks that neither vaultkit nor its shell has the key in its arguments,
// which other users can see.
func argvIsClean(t *testing.T, binary string) {
	provider, _ := stored(t)
	key, path := newKey(), filepath.Join(t.TempDir(), "argv")
	look := "{ cat /proc/$$/cmdline /proc/$PPID/cmdline || ps -o args= -p $$ -p $PPID; } >" + path
	args := append([]string{"rotate", provider, "--new-key-stdin", "--verify-cmd", look}, connect(t, role(t, "rotator"))...)
	out, err := runBinary(t, key, binary, args...)
	if err != nil {
		t.Fatalf("vaultkit rotate --verify-cmd = %v, want success\n%s", err, out)
	}
	holds(t, provider, key)
	argv := read(t, path)
	has(t, "arguments of vaultkit rotate and its shell", argv, "/bin/sh", binary, provider)
	if strings.Contains(argv, canary) {
		t.Errorf("arguments of vaultkit rotate and its shell = %q, want no key in them", argv)
	}
}

//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	ossignal "os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// maxBinary is the largest size of the binary, in bytes: a heavy dependency exceeds it.
const maxBinary = 20 << 20

// buildProgram builds the program as it is released, once for all tests.
var buildProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "vaultkit")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

// program returns the path of the built program.
func program(t testing.TB) string {
	t.Helper()
	path, err := buildProgram()
	if err != nil {
		t.Fatalf("go build = %v, want no error", err)
	}
	return path
}

// TestBinary tests what needs the built program: build information, arguments, signals.
func TestBinary(t *testing.T) {
	tidy(t)
	binary := program(t)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatalf("os.Stat() = %v, want no error", err)
	}
	t.Logf("the binary has %.1f MB", float64(info.Size())/(1<<20))
	if info.Size() >= maxBinary {
		t.Errorf("size of the binary = %d bytes, want less than %d", info.Size(), maxBinary)
	}
	out, err := exec.CommandContext(t.Context(), binary, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "vaultkit ") {
		t.Errorf("vaultkit version = %v, prints %q, want success and the program's name first", err, out)
	}
	err = exec.CommandContext(t.Context(), binary, "get").Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitcode.Usage {
		t.Errorf("vaultkit get = %v, want exit code %d", err, exitcode.Usage)
	}
	t.Run("proxy", func(t *testing.T) { doctorNamesTheProxy(t, binary) })
	t.Run("argv", func(t *testing.T) { argvIsClean(t, binary) })
	t.Run("background", func(t *testing.T) { devEndsInTheBackground(t, binary) })
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if ossignal.Ignored(signal) {
			continue // as under nohup; the program then ignores it too
		}
		t.Run(signal.String(), func(t *testing.T) { devEndsOn(t, binary, signal) })
	}
}

// BenchmarkVersion measures the start of the program.
func BenchmarkVersion(b *testing.B) {
	binary := program(b)
	for b.Loop() {
		if err := exec.CommandContext(b.Context(), binary, "version").Run(); err != nil {
			b.Fatalf("vaultkit version = %v, want success", err)
		}
	}
}

// runBinary runs the built program and returns its output.
func runBinary(t *testing.T, stdin, binary string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The commands that dev prints run it in the background of a shell and stop it: the signal reaches dev
// and not only a shell around it.
func devEndsInTheBackground(t *testing.T, binary string) {
	said := withDev(t, func(string, string) {}, "--in-memory")
	_, script, found := strings.Cut(said, "To run it in the background:\n\n")
	script, _, _ = strings.Cut(script, "Stopping")
	wait := `until [ "$(cat vault.env 2>/dev/null | wc -l)" -eq 2 ]; do :; done` + "\n. ./vault.env "
	script = strings.Replace(script, ". ./vault.env ", wait, 1) + `wait $!; cat dev.log; echo "$VAULT_ADDR"`
	shell, err := exec.LookPath("bash")
	if err != nil {
		shell = "/bin/sh"
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends a script that waits for a dev that has failed
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-c", script)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Fatalf("%s = %v, want no error", shell, err)
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what the script has left
	if err != nil || !found || !strings.Contains(string(out), "Stopping the server") {
		t.Errorf("the commands that vaultkit dev prints = %v, print\n%s\nwant that they stop it:\n%s", err, out, script)
	}
}

// devEndsOn checks that dev exits with 0 on a signal.
func devEndsOn(t *testing.T, binary string, signal os.Signal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends a program that ignores the signal
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, devArgs("0")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe() = %v, want no error", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	address, token := exports(t, out)
	answers(t, address, token)
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatalf("Process.Signal() = %v, want no error", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("vaultkit dev after signal %s = %v, want success\n%s", signal, err, errs.String())
	}
	gone(t, address)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	vkBare(t.Context(), t, "", "version").shows(t, "vaultkit ", "built with\tgo1.")
	out := vkBare(t.Context(), t, "", "version", "--json").ok(t)
	for _, flags := range [][]string{{}, {"--json"}} {
		command, flag := vkBare(t.Context(), t, "", append(flags, "version")...), vkBare(t.Context(), t, "", append(flags, "--version")...)
		if flag.code != command.code || flag.out != command.out || flag.err != command.err {
			t.Errorf("vaultkit --version = %+v, want the result of vaultkit version: %+v", flag, command)
		}
	}
	hasKeys(t, "vaultkit version --json", decode[map[string]any](t, out, true), "go modified platform revision time version")
}

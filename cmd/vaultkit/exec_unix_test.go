//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// TestExec runs the built program, because exec replaces the process.
func TestExec(t *testing.T) {
	binary := program(t)
	for name, test := range map[string]func(*testing.T, execTest){
		"environment": execEnvironment, "exit codes": execExitCodes, "streams": execStreams,
		"signals": execSignals, "log out": execLogsOut, "failures": execFails,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := execTest{binary: binary, provider: "exec-" + strings.ReplaceAll(name, " ", "")}
			e.key = canary + rand.Text() // no other process on the machine has it
			vaulttest.Put(t, "providers/"+e.provider, map[string]any{"api_key": e.key, "organization": "it's"})
			e.variable = variableOf(e.provider)
			test(t, e)
		})
	}
}

type execTest struct{ binary, provider, key, variable string }

// variableOf returns the name of the variable with a provider's key.
func variableOf(provider string) string {
	return strings.ToUpper(strings.ReplaceAll(provider, "-", "_")) + "_API_KEY"
}

// command returns vaultkit exec with the arguments and a reader's token in a file.
func (e execTest) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	args = slices.Concat([]string{"exec", "--provider", e.provider}, connect(t, role(t, "reader")), args)
	cmd := exec.CommandContext(t.Context(), e.binary, args...)
	cmd.Env = append(os.Environ(), "VAULT_TOKEN=x", "VAULT_SECRET_ID=x", "OF_MINE=stays", e.variable+"=old")
	return cmd
}

// output runs a command that must succeed, and returns what it prints.
func (e execTest) output(t *testing.T, args ...string) string {
	t.Helper()
	cmd := e.command(t, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("vaultkit exec %q = %v, stderr = %q, want success and nothing on stderr", args, err, errs.String())
	}
	return string(out)
}

func execEnvironment(t *testing.T, e execTest) {
	got := strings.Split(e.output(t, "--", "env", "-0"), "\x00")
	for _, one := range []string{e.variable + "=" + e.key, "OF_MINE=stays"} {
		if !slices.Contains(got, one) {
			t.Errorf("vaultkit exec -- env = %q, want %q in it", got, one)
		}
	}
	for _, one := range got {
		if name, _, _ := strings.Cut(one, "="); name == "VAULT_TOKEN" || name == "VAULT_SECRET_ID" || one == e.variable+"=old" {
			t.Errorf("vaultkit exec -- env has %q, want it removed", one)
		}
	}
	organization := strings.Replace(e.variable, "API_KEY", "ORGANIZATION", 1)
	want := e.variable + "=" + e.key + "\x00" + organization + "=it's\x00"
	if out := e.output(t, "--pristine", "--", "env", "-0"); out != want {
		t.Errorf("vaultkit exec --pristine -- env = %q, want %q", out, want)
	}
	want = "my_" + strings.Replace(want, "\x00", "\x00my_", 1)
	if out := e.output(t, "--pristine", "--prefix", "my_", "--", "env", "-0"); out != want {
		t.Errorf("vaultkit exec --pristine --prefix my_ -- env = %q, want %q", out, want)
	}
	if out := e.output(t, "--", "printf", "%s|", "--json", "--", "a b", "", "-v"); out != "--json|--|a b||-v|" {
		t.Errorf("vaultkit exec: the command gets the arguments %q, want %q", out, "--json|--|a b||-v|")
	}
}

func execExitCodes(t *testing.T, e execTest) {
	for code, script := range map[int]string{0: "exit 0", 1: "exit 1", 2: "exit 2", 255: "exit 255", 127: "vaultkit-no-such-command"} {
		cmd := e.command(t, "--", "sh", "-c", script)
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != code {
			t.Errorf("vaultkit exec -- sh -c %q = %v, want exit code %d", script, err, code)
		}
	}
	err := e.command(t, "--", "sh", "-c", "kill -KILL $$").Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("vaultkit exec of a command that is killed = %v, want an end by SIGKILL", err)
	}
}

func execStreams(t *testing.T, e execTest) {
	cmd := e.command(t, "--", "sh", "-c", "cat; echo to stderr >&2")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("from\x00stdin"), &out, &errs
	if err := cmd.Run(); err != nil || out.String() != "from\x00stdin" || errs.String() != "to stderr\n" {
		t.Errorf("vaultkit exec -- cat = %v, prints %q, stderr = %q, want success, the input, and the line to stderr",
			err, out.String(), errs.String())
	}
}

// running starts a script that prints "ready", and returns the rest of its output.
func (e execTest) running(t *testing.T, script string) (cmd *exec.Cmd, says *bufio.Reader) {
	t.Helper()
	cmd = e.command(t, "--", "sh", "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("cmd.StdoutPipe() = %v, want no error", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	says = bufio.NewReader(out)
	if line, err := says.ReadString('\n'); line != "ready\n" {
		t.Fatalf("vaultkit exec -- sh -c %q prints %q, %v, want %q", script, line, err, "ready\n")
	}
	return cmd, says
}

// execSignals checks that the command gets a signal to vaultkit's process, and that no
// process has a key in its arguments.
func execSignals(t *testing.T, e execTest) {
	for name, signal := range map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "USR1": syscall.SIGUSR1, "PIPE": syscall.SIGPIPE} {
		cmd, says := e.running(t, `trap 'echo got it; exit 3' `+name+`; echo ready; while :; do sleep 0.02; done`)
		if name == "TERM" {
			noKeyInArguments(t, e.key)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatalf("Process.Signal() = %v, want no error", err)
		}
		said, _ := io.ReadAll(says)
		if err := cmd.Wait(); string(said) != "got it\n" || cmd.ProcessState.ExitCode() != 3 {
			t.Errorf("vaultkit exec after SIG%s = %v, prints %q, want exit code 3 and %q", name, err, said, "got it\n")
		}
	}
	// Without a trap, the command has the default handling, not that of vaultkit.
	cmd, _ := e.running(t, `echo ready; while :; do sleep 0.02; done`)
	if err := cmd.Process.Signal(syscall.SIGPIPE); err != nil {
		t.Fatalf("Process.Signal() = %v, want no error", err)
	}
	if err := cmd.Wait(); cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
		t.Errorf("vaultkit exec after SIGPIPE = %v, want an end by SIGPIPE", err)
	}
}

// noKeyInArguments checks the arguments of every process, which any user can see.
func noKeyInArguments(t *testing.T, key string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "cat /proc/[0-9]*/cmdline || ps -A -o args=").Output()
	if len(out) == 0 {
		t.Fatalf("the list of processes is empty, want some: %v", err)
	}
	if !bytes.Contains(out, []byte("trap 'echo got it")) {
		t.Error("the list of processes lacks the command of vaultkit exec, want it in the list")
	}
	if bytes.Contains(out, []byte(key)) {
		t.Error("vaultkit exec: a process has a key in its arguments, want none")
	}
}

// execLogsOut checks that no token of the login is left while the command runs.
func execLogsOut(t *testing.T, e execTest) {
	roleID, secretID := appRole(t, false)
	cmd := exec.CommandContext(t.Context(), e.binary, "exec", "--provider", e.provider, "--address", vaulttest.Server().Addr(),
		"--role-id", roleID, "--secret-id-file", file(t, secretID), "--", "sh", "-c", "echo ready; cat")
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatalf("cmd.Start() = %v, want no error", err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("vaultkit exec prints %q, %v, want %q", line, err, "ready\n")
	}
	if left := tokensOf(t, roleID); left != 0 {
		t.Errorf("while the command of vaultkit exec runs, %d tokens of its login are left, want none", left)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Errorf("vaultkit exec = %v, want success", err)
	}
}

// tokensOf counts the tokens of an AppRole's logins.
func tokensOf(t *testing.T, roleID string) (count int) {
	t.Helper()
	root := vaulttest.Root(t)
	list, err := root.Logical().ListWithContext(t.Context(), "auth/token/accessors")
	if err != nil {
		t.Fatalf("ListWithContext() = %v, want no error", err)
	}
	names := map[any]bool{}
	roles, err := root.Logical().ListWithContext(t.Context(), "auth/approle/role")
	if err != nil {
		t.Fatalf("ListWithContext() = %v, want no error", err)
	}
	for _, name := range roles.Data["keys"].([]any) {
		id, err := root.Logical().ReadWithContext(t.Context(), "auth/approle/role/"+name.(string)+"/role-id")
		if err == nil && id != nil && id.Data["role_id"] == roleID {
			names[name] = true
		}
	}
	for _, accessor := range list.Data["keys"].([]any) {
		token, err := root.Auth().Token().LookupAccessorWithContext(t.Context(), accessor.(string))
		if err != nil {
			continue // revoked or expired since the list
		}
		if meta, ok := token.Data["meta"].(map[string]any); ok && names[meta["role_name"]] {
			count++
		}
	}
	if len(names) != 1 {
		t.Fatalf("%d AppRoles have the role id, want 1", len(names))
	}
	return count
}

// execFails checks the errors before the command starts, and that it is not run.
func execFails(t *testing.T, e execTest) {
	ran := filepath.Join(t.TempDir(), "ran")
	vaulttest.Put(t, "providers/exec-huge", map[string]any{"k": strings.Repeat(canary, 1<<14)})
	script := file(t, "echo no shebang >"+ran)
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatalf("os.Chmod() = %v, want no error", err)
	}
	for _, tc := range []struct {
		role, provider string
		command        []string
		code           int
		says           string
	}{
		{"reader", vaulttest.Name(t), []string{"touch", ran}, exitcode.NotFound, "not found"},
		{"monitor", e.provider, []string{"touch", ran}, exitcode.Denied, "permission denied"},
		{"reader", "exec-huge", []string{"touch", ran}, 126, "larger than the system allows"},
		{"reader", e.provider, []string{script}, 126, script + ": the command was not started: it cannot be run"},
	} {
		args := slices.Concat([]string{"exec", "--provider", tc.provider}, connect(t, role(t, tc.role)), []string{"--"}, tc.command)
		vkBare(t.Context(), t, "", args...).want(t, tc.code, tc.says)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("vaultkit exec ran the command, want it refused")
	}
}

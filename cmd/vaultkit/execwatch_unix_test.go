//go:build unix

package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulttest"
)

// TestExecWatch runs the built program with real children. Each child prints a line when
// it starts, so that the tests wait for lines and for nothing else.
func TestExecWatch(t *testing.T) {
	t.Parallel()
	binary := program(t)
	for name, test := range map[string]func(*testing.T, execTest){
		"restarts for a new value only": watchRestarts, "gives no credentials": watchHidesCredentials,
		"kills what ignores SIGTERM": watchKills, "a change during a restart": watchChangeDuringRestart,
		"exit codes": watchExitCodes, "signals": watchSignals, "a second signal": watchSecondSignal,
		"writes a file and signals": watchFile, "a deleted provider": watchDeleted, "every provider": watchEveryProvider,
		"restarts a failure": watchFailure, "logs out": watchLogsOut, "nohup": watchNohup, "a suspended child": watchStoppedChild,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := execTest{binary: binary, provider: vaulttest.Name(t), key: canary + rand.Text()} // no other process on the machine has it
			e.variable = variableOf(e.provider)
			vaulttest.Put(t, "providers/"+e.provider, map[string]any{"api_key": e.key})
			test(t, e)
		})
	}
}

// A restart follows each new value. A version with the same value, metadata and a new
// field are no reason.
func watchRestarts(t *testing.T, e execTest) {
	proxy, address := newProxy(t, nil)
	looks := func() (count int) {
		for _, request := range proxy.Log() {
			if strings.HasSuffix(request.Path, "/"+e.provider) {
				count++
			}
		}
		return count
	}
	w := e.watch(t, app, append(address, "--splay", "1ms", "--verbose")...)
	w.start(t, e.key)
	for range 2 {
		key := e.rotate(t)
		w.start(t, key)
		e.put(t, map[string]any{"api_key": key})
		e.put(t, map[string]any{"api_key": key, "organization": "new"})
		input := api.KVMetadataPutInput{CustomMetadata: map[string]any{"note": key}}
		err := vaulttest.Root(t).KVv2(vaulttest.Mount).PutMetadata(t.Context(), vaulttest.Base+"/providers/"+e.provider, input)
		if err != nil {
			t.Fatalf("PutMetadata() = %v, want no error", err)
		}
		before := looks()
		vaulttest.Eventually(t, "vaultkit looks at the provider 4 times", func() bool { return looks() >= before+4 })
	}
	w.start(t, e.rotate(t))
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
	if got := strings.Count(w.errs.String(), "restarting the command, because the value changed of "+e.variable+"\n"); got != 3 {
		t.Errorf("vaultkit exec --watch prints\n%s\nwant 3 lines about restarts because of %s, and no others", w.errs.String(), e.variable)
	}
}

// The child gets the keys and the other variables, and no credential for Vault.
func watchHidesCredentials(t *testing.T, e execTest) {
	w := e.watch(t, `echo "vault: $VAULT_TOKEN$VAULT_SECRET_ID$VAULTKIT_TOKEN_FILE, mine: $OF_MINE, key: $KEY"`)
	if got, want := w.line(t, ""), "vault: , mine: stays, key: "+e.key; got != want {
		t.Errorf("the child prints %q, want %q", got, want)
	}
	w.ends(t, 0)
}

// A child and a grandchild that ignore SIGTERM are killed after the grace, before the next
// child starts.
func watchKills(t *testing.T, e execTest) {
	w := e.watch(t, `trap "" TERM; `+app, "--grace", "200ms")
	w.start(t, e.key)
	w.start(t, e.rotate(t))
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 137)
}

// What changes while a child takes its time to stop is part of the same restart, or of the
// next one. The last child has the newest key.
func watchChangeDuringRestart(t *testing.T, e execTest) {
	release := filepath.Join(t.TempDir(), "release")
	if err := syscall.Mkfifo(release, 0o600); err != nil {
		t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
	}
	w := e.watch(t, `trap 'echo stopping; read x <`+release+`; exit 0' TERM; `+app, "--grace", "1m")
	w.start(t, e.key)
	second := e.rotate(t)
	w.line(t, "stopping")
	third := e.rotate(t)
	if err := os.WriteFile(release, []byte("\n"), 0); err != nil { // waits for the reader
		t.Fatalf("os.WriteFile() = %v, want no error", err)
	}
	if line := w.line(t, "start "); strings.HasPrefix(line, second) {
		w.line(t, "stopping")
		if err := os.WriteFile(release, []byte("\n"), 0); err != nil {
			t.Fatalf("os.WriteFile() = %v, want no error", err)
		}
		w.line(t, "start "+third)
	} else if !strings.HasPrefix(line, third) {
		t.Errorf("the child starts with %q, want %q", line, third)
	}
	w.signal(t, syscall.SIGTERM)
	w.line(t, "stopping")
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 137)
}

func watchExitCodes(t *testing.T, e execTest) {
	for script, code := range map[string]int{
		"exit 0": 0, "exit 3": 3, "exit 255": 255, "kill -KILL $$": 137, "kill -SEGV $$": 139, "sleep 1000 & exit 4": 4,
	} {
		w := e.watch(t, script)
		w.ends(t, code)
		if got := w.errs.String(); got != "" {
			t.Errorf("vaultkit exec --watch -- sh -c %q prints %q to stderr, want nothing", script, got)
		}
	}
	w := e.watch(t, `trap 'kill $!; exit 7' TERM; `+app)
	w.start(t, e.key)
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 7)
}

// The child gets the signals to vaultkit, and decides what they mean.
func watchSignals(t *testing.T, e execTest) {
	for name, signal := range map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
		"WINCH": syscall.SIGWINCH,
	} {
		w := e.watch(t, `trap 'echo got it' `+name+`; echo "start $KEY $$"; while :; do sleep 0.02; done`)
		w.start(t, e.key)
		noKeyInArguments(t, e.key)
		for range 2 {
			w.signal(t, signal)
			w.line(t, "got it")
		}
		if signal == syscall.SIGHUP { // ends other commands of vaultkit
			e.key = canary + rand.Text()
			e.put(t, map[string]any{"api_key": e.key})
			w.start(t, e.key)
		}
		w.signal(t, syscall.SIGTERM)
		w.ends(t, 143)
	}
	w := e.watch(t, app)
	w.start(t, e.key)
	w.signal(t, syscall.SIGINT)
	w.ends(t, 130)
}

// While a child takes its time to stop, a second signal kills it.
func watchSecondSignal(t *testing.T, e execTest) {
	w := e.watch(t, `trap 'echo stopping' TERM INT; echo "start $KEY $$"; while :; do sleep 0.02; done`, "--grace", "1h")
	w.start(t, e.key)
	w.signal(t, syscall.SIGTERM)
	w.line(t, "stopping")
	w.signal(t, syscall.SIGINT)
	w.ends(t, 137)
}

// With --out, the file has the keys, and the child none of its variables. It is not
// restarted.
func watchFile(t *testing.T, e execTest) {
	path := filepath.Join(t.TempDir(), "keys.env")
	w := e.watch(t, `trap '. `+path+`; echo "again $`+e.variable+` $KEY $$"' USR1
		. `+path+`; echo "start $`+e.variable+` $KEY $$"; while :; do sleep 0.02; done`, "--out", path, "--signal", "SIGUSR1")
	pid := w.start(t, e.key)
	for range 2 {
		key := e.rotate(t)
		if got, want := w.line(t, "again "), fmt.Sprint(key, "  ", pid); got != want {
			t.Errorf("the child prints %q after a rotation, want %q", got, want)
		}
	}
	if about, err := os.Stat(path); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("os.Stat(%s) = %v, %v, want mode 0600", path, about, err)
	}
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
}

// A child keeps running without a provider that is deleted. The next value restarts it.
func watchDeleted(t *testing.T, e execTest) {
	w := e.watch(t, app)
	w.start(t, e.key)
	deleteCurrent(t, e.provider)
	warning := "no longer in Vault: " + e.variable
	vaulttest.Eventually(t, "stderr has "+warning, func() bool { return strings.Contains(w.errs.String(), warning) })
	key := newKey()
	e.put(t, map[string]any{"api_key": key})
	w.start(t, key)
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
}

// Without names, a new provider is no reason for a restart, and comes with the next one. If it cannot be
// used, the others' new keys come nevertheless.
func watchEveryProvider(t *testing.T, e execTest) {
	base := vaulttest.Name(t)
	put := func(name, key string) {
		t.Helper()
		_, err := vaulttest.Root(t).KVv2(vaulttest.Mount).Put(t.Context(), base+"/providers/"+name, map[string]any{"api_key": key})
		if err != nil {
			t.Fatalf("Put() = %v, want no error", err)
		}
	}
	put("one", "sk-canary-one")
	args := slices.Concat([]string{"exec", "--watch", "--interval", "1s", "--base", base}, connect(t, vaulttest.Server().RootToken()),
		[]string{"--", "sh", "-c", `echo "start $ONE_API_KEY,$TWO_API_KEY $$"; exec sleep 1000`})
	w := beginWatch(t, exec.CommandContext(t.Context(), e.binary, args...))
	w.start(t, "sk-canary-one, ")
	put("two", "sk-canary-two")
	put("one", "sk-canary-three")
	w.start(t, "sk-canary-three,sk-canary-two ")
	put("two", "sk-canary-four")
	w.start(t, "sk-canary-three,sk-canary-four ")
	put("One", "sk-canary-collides") // with the variable of the provider one
	put("one", "sk-canary-five")
	w.start(t, "sk-canary-five,sk-canary-four ")
	if got := w.errs.String(); strings.Count(got, "new providers are left out: ") != 1 {
		t.Errorf("vaultkit exec --watch prints\n%s\nwant one line about a provider that is left out", got)
	}
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
}

// With --restart-on-failure, a failure restarts the child, and success ends vaultkit.
func watchFailure(t *testing.T, e execTest) {
	count := file(t, "")
	w := e.watch(t, `echo >>`+count+`; echo "start $KEY $$"; test $(wc -l <`+count+`) = 3`, "--restart-on-failure")
	for range 3 {
		w.start(t, e.key)
	}
	w.ends(t, 0)
	for _, want := range []string{"exit code 1, and starts again in 1s\n", "exit code 1, and starts again in 2s\n"} {
		if !strings.Contains(w.errs.String(), want) {
			t.Errorf("vaultkit exec --watch prints %q, want %q in it", w.errs.String(), want)
		}
	}
}

// vaultkit stays logged in while the child runs, and revokes its token in the end.
func watchLogsOut(t *testing.T, e execTest) {
	roleID, secretID := appRole(t, false)
	w := beginWatch(t, exec.CommandContext(t.Context(), e.binary, "exec", "--watch", "--provider", e.provider,
		"--address", vaulttest.Server().Addr(), "--role-id", roleID, "--secret-id-file", file(t, secretID), "--", "sh", "-c", e.script(app)))
	w.start(t, e.key)
	if got := tokensOf(t, roleID); got != 1 {
		t.Errorf("while the command of vaultkit exec --watch runs, %d tokens of its login are left, want 1", got)
	}
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
	if got := tokensOf(t, roleID); got != 0 {
		t.Errorf("after vaultkit exec --watch, %d tokens of its login are left, want none", got)
	}
}

// Under nohup, vaultkit and the child ignore SIGHUP.
func watchNohup(t *testing.T, e execTest) {
	cmd := e.command(t, "--watch", "--interval", "1s", "--", "sh", "-c", e.script(`kill -HUP $$ $PPID; echo "start $KEY $$"; exec sleep 1000`))
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, e.binary}, cmd.Args[1:]...)
	w := beginWatch(t, cmd)
	w.start(t, e.key)
	w.start(t, e.rotate(t))
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
}

// Without a terminal, a stopped child does not stop vaultkit, and is restarted as usual.
func watchStoppedChild(t *testing.T, e execTest) {
	w := e.watch(t, `echo "start $KEY $$"; exec sleep 1000`, "--grace", "1h")
	pid := w.start(t, e.key)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatalf("syscall.Kill() = %v, want no error", err)
	}
	w.start(t, e.rotate(t))
	w.signal(t, syscall.SIGTERM)
	w.ends(t, 143)
}

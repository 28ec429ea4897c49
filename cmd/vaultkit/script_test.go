//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// The scripts tell what the program does, one story each, for people to read. What
// they are made of is in testdata/script/README.
const scriptDir = "../../testdata/script"

// TestScripts runs every script with the built program against the package's
// Vault, each below a base path of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	binary := program(t)
	testscript.Run(t, testscript.Params{
		Dir:                scriptDir,
		RequireUniqueNames: true,
		Setup:              func(env *testscript.Env) error { return newScript(env, binary) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vaultkit":  told(func(s *script, args []string) { s.vaultkit(exitcode.OK, args) }),
			"exits":     told((*script).exits),
			"exports":   told((*script).exports),
			"interrupt": told((*script).interrupt),
			"sh":        told((*script).sh),
			"as":        told((*script).as),
			"approle":   told((*script).approle),
			"pod":       told((*script).pod),
			"tls":       told((*script).tls),
			"fault":     told((*script).fault),
			"rival":     told((*script).rival),
			"kvput":     told((*script).kvput),
			"kvget":     told((*script).kvget),
			"kvdelete":  told((*script).kvdelete),
			"kvexpire":  told((*script).kvexpire),
			"jsonkeys":  told((*script).jsonkeys),
			"jsonis":    told((*script).jsonis),
			"jsonlen":   told((*script).jsonlen),
			"jsonlet":   told((*script).jsonlet),
		},
	})
}

// script is the state of a running script.
type script struct {
	*testscript.TestScript
	t       testing.TB
	program string
	address string // of the Vault itself
	root    string // its root token
	base    string
	secrets []string // nobody may see them, but for the outputs of shows
	proxy   *faultproxy.Proxy
	daemon  *daemon
}

type scriptKey struct{}

// told makes a command of a script of a method. None can be negated: what a
// failure is must be said.
func told(do func(*script, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		s := ts.Value(scriptKey{}).(*script)
		s.TestScript = ts
		if negated {
			ts.Fatalf("a command with ! is not supported: write exits CODE vaultkit ...")
		}
		do(s, args)
	}
}

// newScript gives a script the program, the Vault, and a base path.
func newScript(env *testscript.Env, program string) error {
	t := env.T().(testing.TB)
	server := vaulttest.Server()
	s := &script{
		t: t, program: program, address: server.Addr(), root: server.RootToken(), base: vaulttest.Name(t),
		secrets: []string{canary, server.RootToken()},
	}
	home := filepath.Join(env.WorkDir, ".home")
	for name, value := range map[string]string{
		"HOME":               home,
		"PATH":               filepath.Dir(program) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"USER":               "someone",
		"VAULT_ADDR":         s.address,
		"VAULTKIT_BASE":      s.base,
		"VAULTKIT_VAULT_BIN": server.Binary(), // for dev and demo
	} {
		env.Setenv(name, value)
	}
	env.Values[scriptKey{}] = s
	return os.Mkdir(home, 0o700)
}

// vaultkit runs the program, in the background if the last argument is &.
func (s *script) vaultkit(code int, args []string) {
	if len(args) > 0 && args[len(args)-1] == "&" {
		s.start(args[:len(args)-1])
		return
	}
	err := s.Exec(s.program, args...)
	s.seen(args, s.ReadFile("stdout"), s.ReadFile("stderr"))
	if got := codeOf(err); got != code {
		s.Fatalf("vaultkit %s: exit code = %d, want %d (%v)", strings.Join(args, " "), got, code, err)
	}
}

// exits is vaultkit with another exit code than 0.
func (s *script) exits(args []string) {
	if len(args) < 2 || args[1] != "vaultkit" {
		s.Fatalf("usage: exits CODE vaultkit ARGS...")
	}
	code, err := strconv.Atoi(args[0])
	s.Check(err)
	s.vaultkit(code, args[2:])
}

// sh runs a shell script, as a pipeline would.
func (s *script) sh(args []string) {
	s.Check(s.Exec("/bin/sh", args...))
	s.seen(nil, s.ReadFile("stdout"), s.ReadFile("stderr"))
}

// codeOf is the exit code behind an error of a process; -1: there is none.
func codeOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return exitcode.OK
}

// shows are the commands that print a key, that being what they are for.
var shows = map[string]struct{ out, err bool }{
	"get": {out: true}, "env": {out: true}, "exec": {out: true, err: true}, // what exec runs prints what it likes
}

// seen fails the script where somebody can see a key or a token.
func (s *script) seen(args []string, out, errs string) {
	may := shows[slices.Concat(args, []string{""})[0]]
	for _, secret := range s.secrets {
		if !may.out && strings.Contains(out, secret) || !may.err && strings.Contains(errs, secret) {
			s.Fatalf("vaultkit %s prints a secret, want none", strings.Join(args, " "))
		}
	}
}

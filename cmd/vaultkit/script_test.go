//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/short"
	"goblin/vaultkit/internal/vaulttest"
)

// scriptDir has the scripts. Each shows one command or one kind of failure, for people to
// read. testdata/script/README describes their language.
const scriptDir = "../../testdata/script"

// TestScripts runs every script with the built program on the package's Vault, each below
// its own base path.
func TestScripts(t *testing.T) {
	t.Parallel()
	binary := program(t)
	testscript.Run(t, testscript.Params{
		Dir:                scriptDir,
		RequireUniqueNames: true,
		Setup:              func(env *testscript.Env) error { return newScript(env, binary) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vaultkit":  scriptCommand(func(s *script, args []string) { s.vaultkit(exitcode.OK, args) }),
			"exits":     scriptCommand((*script).exits),
			"realonly":  scriptCommand((*script).realOnly),
			"exports":   scriptCommand((*script).exports),
			"interrupt": scriptCommand((*script).interrupt),
			"sh":        scriptCommand((*script).sh),
			"as":        scriptCommand((*script).as),
			"approle":   scriptCommand((*script).approle),
			"pod":       scriptCommand((*script).pod),
			"job":       scriptCommand((*script).job),
			"api":       scriptCommand((*script).api),
			"tls":       scriptCommand((*script).tls),
			"fault":     scriptCommand((*script).fault),
			"rival":     scriptCommand((*script).rival),
			"kvput":     scriptCommand((*script).kvput),
			"kvget":     scriptCommand((*script).kvget),
			"kvdelete":  scriptCommand((*script).kvdelete),
			"kvexpire":  scriptCommand((*script).kvexpire),
			"jsonkeys":  scriptCommand((*script).jsonkeys),
			"jsonis":    scriptCommand((*script).jsonis),
			"jsonlen":   scriptCommand((*script).jsonlen),
			"jsonlet":   scriptCommand((*script).jsonlet),
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
	secrets []string // must be in no output, except those of printsKeys
	proxy   *faultproxy.Proxy
	daemon  *daemon
	issuer  *vaulttest.Issuer // of the job that the script runs in
}

type scriptKey struct{}

// scriptCommand makes a script's command of a method. A script cannot negate it: a failure
// needs its exit code.
func scriptCommand(do func(*script, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		s := ts.Value(scriptKey{}).(*script)
		s.TestScript = ts
		if negated {
			ts.Fatalf("a command with ! is not supported: write exits CODE vaultkit ...")
		}
		do(s, args)
	}
}

// newScript sets the program, the Vault, and the base path of a script.
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
		"VAULTKIT_VAULT_BIN": vaulttest.Binary(), // for dev and demo
	} {
		env.Setenv(name, value)
	}
	env.Values[scriptKey{}] = s
	return os.Mkdir(home, 0o700)
}

// realOnly skips the script under -short, because it needs a real Vault server of its own.
func (s *script) realOnly([]string) { short.RealOnly(s.t, "a real Vault server") }

// vaultkit runs the program, in the background if the last argument is &.
func (s *script) vaultkit(code int, args []string) {
	if len(args) > 0 && args[len(args)-1] == "&" {
		s.start(args[:len(args)-1])
		return
	}
	err := s.Exec(s.program, args...)
	s.checkSecrets(args, s.ReadFile("stdout"), s.ReadFile("stderr"))
	if got := codeOf(err); got != code {
		s.Fatalf("vaultkit %s: exit code = %d, want %d (%v)", strings.Join(args, " "), got, code, err)
	}
}

// exits runs the program, which must exit with the given code.
func (s *script) exits(args []string) {
	if len(args) < 2 || args[1] != "vaultkit" {
		s.Fatalf("usage: exits CODE vaultkit ARGS...")
	}
	code, err := strconv.Atoi(args[0])
	s.Check(err)
	s.vaultkit(code, args[2:])
}

// sh runs a shell script, as a pipeline does.
func (s *script) sh(args []string) {
	s.Check(s.Exec("/bin/sh", args...))
	s.checkSecrets(nil, s.ReadFile("stdout"), s.ReadFile("stderr"))
}

// codeOf returns the exit code in the error of a process; -1: there is none.
func codeOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return exitcode.OK
}

// printsKeys lists the commands that may print a key, and to which output.
var printsKeys = map[string]struct{ out, err bool }{
	"get": {out: true}, "env": {out: true}, "exec": {out: true, err: true}, // the command of exec may print anything
}

// maskCommand matches a line that masks a secret in the log of a job.
var maskCommand = regexp.MustCompile(`(?m)^::add-mask::.*\n`)

// checkSecrets fails the script if an output contains a key or a token.
func (s *script) checkSecrets(args []string, out, errs string) {
	may, secrets := printsKeys[slices.Concat(args, []string{""})[0]], s.secrets
	if s.issuer != nil {
		secrets, errs = slices.Concat(secrets, s.issuer.Secrets()), maskCommand.ReplaceAllString(errs, "")
	}
	for _, secret := range secrets {
		if !may.out && strings.Contains(out, secret) || !may.err && strings.Contains(errs, secret) {
			s.Fatalf("vaultkit %s prints a secret, want none", strings.Join(args, " "))
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// childHelp is what the helps of rotate and revoke-old say alike of their commands.
const childHelp = `(<NAME> in upper case, anything but A-Z, 0-9 and _ as _). /bin/sh runs it, or cmd on
Windows. It sees no credential for Vault, nor a CI job's OIDC token, and reads no input;
what it prints goes to stderr, with the keys masked; --timeout ends it too. It should
hand a key on through a pipe or a variable: other users see the arguments of the
programs it starts.`

// The variables of a child.
const (
	variableProvider = "VAULTKIT_PROVIDER"
	variableID       = "VAULTKIT_ID"
	variableKey      = "VAULTKIT_KEY"
	variableField    = "VAULTKIT_FIELD_"
)

// childGrace is how long a command may take to end once it is asked to, and its
// output to end once the command has.
const childGrace = 2 * time.Second

// childCommand is a shell command of the user's that is given keys: to try new
// ones, or to revoke old ones.
type childCommand struct {
	name   string   // "verify" or "revoke"
	line   string   // what the shell runs
	hidden []string // variables that are none of its business
	out    io.Writer
}

// checkChild refuses a command that does nothing, and so always succeeds: the flag
// was given an unset variable.
func checkChild(flag, line string) error {
	if strings.TrimSpace(line) == "" {
		return exitcode.UsageErrorf("--%s is empty", flag)
	}
	return nil
}

// run runs the command with the keys and more variables in its environment, where
// other users cannot see them, and none of it on a command line. When ctx ends, so
// do the command and whatever it started.
func (c *childCommand) run(ctx context.Context, keys vaultkit.ProviderKeys, more map[string]string) error {
	fields, err := fieldVariables(keys)
	if err != nil {
		return &neverRan{err}
	}
	cmd := shell(ctx, c.line)
	cmd.Env = append(c.inherited(os.Environ()), fields...)
	for name, value := range more {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out := newMask(c.out, keys)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = childGrace
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		kill(cmd.Process) // what did not want to end
	}
	out.flush()
	if err != nil && cmd.Process == nil {
		return &neverRan{fmt.Errorf("the %s command could not be run: %w", c.name, err)}
	}
	return c.outcome(ctx, err)
}

// neverRan is why a command did not run at all.
type neverRan struct{ error }

// Unwrap is the cause.
func (e *neverRan) Unwrap() error { return e.error }

// statusError is a command that ended with a status other than 0.
type statusError struct {
	name   string
	status int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the %s command exited with status %d", e.name, e.status)
}

// errStopped: nobody knows what the command would have done.
var errStopped = errors.New("was stopped")

// outcome is the error of a command that did not end well. It says nothing of what
// the command was given.
func (c *childCommand) outcome(ctx context.Context, err error) error {
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it left something that holds its output open
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("the %s command %w: it did not end within --timeout", c.name, errStopped)
	case ctx.Err() != nil:
		return fmt.Errorf("the %s command %w", c.name, errStopped)
	case ran && exit.Exited():
		return &statusError{c.name, exit.ExitCode()}
	case ran:
		return fmt.Errorf("the %s command was ended by a signal: %s", c.name, exit.ProcessState)
	}
	return fmt.Errorf("the %s command could not be run: %w", c.name, err)
}

// inherited is the environment without what the command must not see, and without
// variables that it could take for ours.
func (c *childCommand) inherited(environment []string) []string {
	ours := []string{variableProvider, variableID, variableKey}
	hidden := func(name string) bool {
		return slices.Contains(ours, name) || strings.HasPrefix(name, variableField) ||
			slices.ContainsFunc(c.hidden, func(one string) bool { return sameVariable(one, name) })
	}
	return slices.DeleteFunc(environment, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return hidden(name)
	})
}

// sameVariable compares names as the system does.
func sameVariable(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// fieldVariables are the variables for a secret's fields.
func fieldVariables(keys vaultkit.ProviderKeys) ([]string, error) {
	variables := make([]string, 0, len(keys))
	fields := make(map[string]string, len(keys))
	for _, field := range keys.Fields() {
		name := variableField + strings.Map(variableRune, strings.ToUpper(field))
		if other, taken := fields[name]; taken {
			return nil, exitcode.Invalid(fmt.Sprintf("the fields %q and %q", other, field), "are both "+name+" to a command",
				"rename one of them")
		}
		if strings.ContainsRune(keys[field], 0) {
			return nil, exitcode.Invalid(fmt.Sprintf("the value of field %q", field), "holds a NUL, which no variable can", "encode it as text")
		}
		fields[name] = field
		variables = append(variables, name+"="+keys[field])
	}
	return variables, nil
}

func variableRune(r rune) rune {
	if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}

// Package childproc runs the programs that get keys: the shell commands that verify new
// keys and revoke old ones, and the command of vaultkit exec. No child gets a
// credential for Vault, and no argument contains a key.
package childproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
)

// Help is the part of the help texts that rotate and revoke-old share.
const Help = `<NAME> is the field's name in upper case, with _ for every character but A-Z and 0-9.
/bin/sh runs the command, or cmd on Windows. Credentials for Vault and a CI job's OIDC
token are removed from its environment. Its input is empty. Its output goes to stderr,
with the keys masked. It is stopped when the time of --timeout is over. In the command,
pass a key on through a pipe or a variable: other users can see arguments of programs.`

// The variables of a child.
const (
	VariableProvider = "VAULTKIT_PROVIDER"
	VariableID       = "VAULTKIT_ID"
	VariableKey      = "VAULTKIT_KEY"
	variableField    = "VAULTKIT_FIELD_"
)

// grace is how long a command may run after it was asked to stop, and how long its
// output may stay open after it has ended.
const grace = 2 * time.Second

// Command is a shell command of the user that gets keys: to verify new ones, or to
// revoke old ones.
type Command struct {
	Name   string   // "verify" or "revoke"
	Line   string   // what the shell runs
	Hidden []string // variables that the command must not get
	Out    io.Writer
}

// CheckLine refuses an empty command. It would always succeed; the flag probably got an
// unset variable.
func CheckLine(flag, line string) error {
	if strings.TrimSpace(line) == "" {
		return exitcode.UsageErrorf("--%s is empty", flag)
	}
	return nil
}

// Run runs the command. The keys and the other variables are in its environment, where
// other users cannot see them, and not on the command line. When ctx ends, Run stops
// the command and every process that it started.
func (c *Command) Run(ctx context.Context, keys vaultkit.ProviderKeys, more map[string]string) error {
	fields, err := fieldVariables(keys)
	if err != nil {
		return &NotRunError{err}
	}
	cmd := shell(ctx, c.Line)
	cmd.Env = append(c.inherited(os.Environ()), fields...)
	for name, value := range more {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out := newMask(c.Out, keys)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = grace
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		kill(cmd.Process) // what has ignored the request to stop
	}
	out.flush()
	if err != nil && cmd.Process == nil {
		return &NotRunError{fmt.Errorf("the %s command could not be run: %w", c.Name, err)}
	}
	return c.outcome(ctx, err)
}

// NotRunError reports that a command did not run at all.
type NotRunError struct{ error }

// Unwrap returns the cause.
func (e *NotRunError) Unwrap() error { return e.error }

// StatusError reports that a command exited with a status other than 0.
type StatusError struct {
	Command string
	Status  int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the %s command exited with status %d", e.Command, e.Status)
}

// ErrStopped reports that a command was stopped, so that its result is unknown.
var ErrStopped = errors.New("was stopped")

// outcome returns the error of a command that failed. The error contains nothing that
// the command was given.
func (c *Command) outcome(ctx context.Context, err error) error {
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // a process that it started holds its output open
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("the %s command %w: it did not end within --timeout", c.Name, ErrStopped)
	case ctx.Err() != nil:
		return fmt.Errorf("the %s command %w", c.Name, ErrStopped)
	case ran && exit.Exited():
		return &StatusError{c.Name, exit.ExitCode()}
	case ran:
		return fmt.Errorf("the %s command was ended by a signal: %s", c.Name, exit.ProcessState)
	}
	return fmt.Errorf("the %s command could not be run: %w", c.Name, err)
}

// fieldVariables returns the variables for the fields of a secret.
func fieldVariables(keys vaultkit.ProviderKeys) ([]string, error) {
	variables := make([]string, 0, len(keys))
	fields := make(map[string]string, len(keys))
	for _, field := range keys.Fields() {
		name := variableField + strings.Map(variableRune, strings.ToUpper(field))
		if other, taken := fields[name]; taken {
			return nil, exitcode.Invalid(fmt.Sprintf("the fields %q and %q", other, field), "would both become the variable "+name,
				"rename one of the fields")
		}
		if strings.ContainsRune(keys[field], 0) {
			return nil, exitcode.Invalid(fmt.Sprintf("the value of field %q", field), "contains a NUL byte, which a variable cannot contain",
				"encode it as text")
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

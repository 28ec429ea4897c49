package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goblin/vaultkit"
)

// The exit codes.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitDue          = 3
	exitNotFound     = 4
	exitConflict     = 5
	exitDenied       = 6
	exitUnavailable  = 7
	exitUndetermined = 8
	exitNoChange     = 9
)

// exitCode is the exit code for an error. The order matters where an error
// wraps several: what is not known about a write outranks why, and a command
// that was interrupted says nothing about the server.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if not, ok := errors.AsType[*notStarted](err); ok {
		return not.code
	}
	for _, known := range []struct {
		kind error
		code int
	}{
		{vaultkit.ErrUndetermined, exitUndetermined},
		{vaultkit.ErrConflict, exitConflict},
		{vaultkit.ErrNoChange, exitNoChange},
		{vaultkit.ErrPermissionDenied, exitDenied},
		{vaultkit.ErrUnauthenticated, exitDenied},
		{vaultkit.ErrNotFound, exitNotFound},
		{vaultkit.ErrDeleted, exitNotFound},
		{vaultkit.ErrFieldMissing, exitNotFound},
		{vaultkit.ErrMountNotFound, exitNotFound},
		{vaultkit.ErrInvalid, exitUsage},
		{errDue, exitDue},
		{context.Canceled, exitFailure},
		{vaultkit.ErrUnavailable, exitUnavailable},
	} {
		if errors.Is(err, known.kind) {
			return known.code
		}
	}
	return exitFailure
}

// usageError is a mistake in how the command was called; it is printed with the
// command's usage line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// misuse is a usageError. Its text must not repeat an argument that may well be
// a secret in the wrong place.
func misuse(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// invalid is bad input that is no mistake in the call itself.
func invalid(what, detail, hint string) error {
	return &vaultkit.Error{Kind: vaultkit.ErrInvalid, Detail: what + " " + detail, Hint: hint}
}

// advised adds to an error what the person at the keyboard should know or type.
type advised struct {
	error
	advice string
}

func (e *advised) Unwrap() error { return e.error }

// report prints an error, once, and what to do about it.
func (c *cli) report(cmd *cobra.Command, err error) {
	if err == nil {
		return
	}
	c.complain(err)
	if more, ok := errors.AsType[*advised](err); ok {
		fmt.Fprintln(c.Err, more.advice)
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(c.Err, "Usage: %s\nRun '%s --help' for more.\n", cmd.UseLine(), cmd.CommandPath())
	}
}

// complain prints an error of which there may be more.
func (c *cli) complain(err error) { fmt.Fprintln(c.Err, "vaultkit: "+printable(errorText(err))) }

// warn prints a line that does not stop anything.
func (c *cli) warn(format string, args ...any) {
	fmt.Fprintln(c.Err, "vaultkit: warning: "+printable(fmt.Sprintf(format, args...)))
}

// Package exitcode says what an error means to whoever called the program: the exit
// code, the text, and what to do about it. The errors here are those of the command
// line; the library's own are known by their kinds.
package exitcode

import (
	"context"
	"errors"
	"fmt"

	"goblin/vaultkit"
)

// The exit codes.
const (
	OK           = 0
	Failure      = 1
	Usage        = 2
	Due          = 3
	NotFound     = 4
	Conflict     = 5
	Denied       = 6
	Unavailable  = 7
	Undetermined = 8
	NoChange     = 9
)

// codes are the exit codes of the library's errors. The order matters where an error
// wraps several: what is not known about a write outranks why, and a command that was
// interrupted says nothing about the server.
var codes = []struct {
	kind error
	code int
}{
	{vaultkit.ErrUndetermined, Undetermined},
	{vaultkit.ErrConflict, Conflict},
	{vaultkit.ErrNoChange, NoChange},
	{vaultkit.ErrPermissionDenied, Denied},
	{vaultkit.ErrUnauthenticated, Denied},
	{vaultkit.ErrNotFound, NotFound},
	{vaultkit.ErrDeleted, NotFound},
	{vaultkit.ErrFieldMissing, NotFound},
	{vaultkit.ErrMountNotFound, NotFound},
	{vaultkit.ErrInvalid, Usage},
	{context.Canceled, Failure},
	{vaultkit.ErrUnavailable, Unavailable},
}

// Of returns the exit code for an error.
func Of(err error) int {
	if err == nil {
		return OK
	}
	if _, ok := errors.AsType[*UsageError](err); ok {
		return Usage
	}
	if fixed, ok := errors.AsType[*codedError](err); ok {
		return fixed.code
	}
	for _, known := range codes {
		if errors.Is(err, known.kind) {
			return known.code
		}
	}
	return Failure
}

// codedError is an error with an exit code of its own.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

// WithCode gives an error an exit code that does not follow from its kind.
func WithCode(err error, code int) error { return &codedError{err, code} }

// UsageError is a mistake in how the command was called; it is printed with the
// command's usage line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the call.
func (e *UsageError) Unwrap() error { return e.Err }

// UsageErrorf returns a UsageError. Its text must not repeat an argument: that may be
// a secret in the wrong place.
func UsageErrorf(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// Invalid returns the error of bad input that is no mistake in the call itself.
func Invalid(what, detail, hint string) error {
	return &vaultkit.Error{Kind: vaultkit.ErrInvalid, Detail: what + " " + detail, Hint: hint}
}

// hintedError adds to an error what the person at the keyboard should know or type.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// WithHint adds to an error what the person at the keyboard should know or type. It is
// printed below the error.
func WithHint(err error, hint string) error { return &hintedError{err, hint} }

// Hint returns what WithHint has added to an error, if anything.
func Hint(err error) (hint string, ok bool) {
	if hinted, ok := errors.AsType[*hintedError](err); ok {
		return hinted.hint, true
	}
	return "", false
}

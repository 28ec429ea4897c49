// Package exitcode chooses the exit code of an error; the explanation of the codes that users
// read is rootLong in cmd/vaultkit/root.go. It also has the errors of the command line, and the
// hint below an error that says what to do.
package exitcode

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"goblin/vaultkit"
)

// The exit codes. rootLong in cmd/vaultkit/root.go explains them to users.
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

// codes are the exit codes of the library's errors. The order matters if an error wraps
// several: an undetermined write outranks its cause, and an interrupted command says
// nothing about the server.
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
	if passed, ok := errors.AsType[*PassedOn](err); ok {
		return passed.Code
	}
	for _, known := range codes {
		if errors.Is(err, known.kind) {
			return known.code
		}
	}
	return Failure
}

// IsGone reports whether an error means that Vault has no such secret, or no longer.
func IsGone(err error) bool {
	return errors.Is(err, vaultkit.ErrNotFound) || errors.Is(err, vaultkit.ErrDeleted)
}

// codedError is an error with an exit code of its own.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

// WithCode returns an error with an exit code that does not follow from its kind.
func WithCode(err error, code int) error { return &codedError{err, code} }

// summaryError is an error with a text of its own.
type summaryError struct {
	text string
	err  error
}

func (e *summaryError) Error() string { return e.text }
func (e *summaryError) Unwrap() error { return e.err }

// Summary returns an error with its own text for several that were printed before. err, one of
// them, decides the exit code.
func Summary(text string, err error) error { return &summaryError{text, err} }

// Worst returns the first undetermined error of several, or else the first one; nil is none.
func Worst(errs []error) (first error) {
	for _, err := range errs {
		if errors.Is(err, vaultkit.ErrUndetermined) {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

// PassedOn is the end of a command that vaultkit has run for the user. vaultkit exits with
// its code and prints nothing.
type PassedOn struct{ Code int }

func (e *PassedOn) Error() string { return fmt.Sprintf("the command exited with code %d", e.Code) }

// UsageError is a mistake in how the command was called. It is printed with the usage
// line of the command.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with the call.
func (e *UsageError) Unwrap() error { return e.Err }

// UsageErrorf returns a UsageError. Its text must not repeat an argument: that may be
// a secret in the wrong place.
func UsageErrorf(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// Invalid returns an error for bad input in a correct call.
func Invalid(what, detail, hint string) error {
	return &vaultkit.Error{Kind: vaultkit.ErrInvalid, Detail: what + " " + detail, Hint: hint}
}

// hintedError is an error with a hint.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// WithHint adds to an error what the user should know or type next. It is printed below
// the error.
func WithHint(err error, hint string) error { return &hintedError{err, hint} }

// Hint returns the hint of WithHint, if there is one.
func Hint(err error) (hint string, ok bool) {
	if hinted, ok := errors.AsType[*hintedError](err); ok {
		return hinted.hint, true
	}
	return "", false
}

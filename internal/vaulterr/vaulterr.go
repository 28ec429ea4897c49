// Package vaulterr makes vaultkit's errors. It is the only package that reads the status and the
// texts of Vault's errors. The type and the sentinels are those of the public package vaulterr.
package vaulterr

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/errtext"
	"goblin/vaultkit/vaulterr"
)

// Error is the type of every error.
type Error = vaulterr.Error

// The sentinels.
var (
	ErrNotFound         = vaulterr.ErrNotFound
	ErrDeleted          = vaulterr.ErrDeleted
	ErrDestroyed        = vaulterr.ErrDestroyed
	ErrFieldMissing     = vaulterr.ErrFieldMissing
	ErrMountNotFound    = vaulterr.ErrMountNotFound
	ErrNotKVv2          = vaulterr.ErrNotKVv2
	ErrPermissionDenied = vaulterr.ErrPermissionDenied
	ErrUnauthenticated  = vaulterr.ErrUnauthenticated
	ErrWrappingToken    = vaulterr.ErrWrappingToken
	ErrConflict         = vaulterr.ErrConflict
	ErrUndetermined     = vaulterr.ErrUndetermined
	ErrNoChange         = vaulterr.ErrNoChange
	ErrUnavailable      = vaulterr.ErrUnavailable
	ErrSealed           = vaulterr.ErrSealed
	ErrInvalid          = vaulterr.ErrInvalid
	ErrClosed           = vaulterr.ErrClosed
	ErrNotAsked         = vaulterr.ErrNotAsked
	ErrTooLarge         = vaulterr.ErrTooLarge
)

// Printable escapes every character that could control a terminal or a log.
func Printable(text string) string { return errtext.Printable(text) }

// Undetermined returns an ErrUndetermined for the rotation id. The text contains the cause.
// Vault's response and the context's error stay reachable, but not the cause's sentinels: code
// that tests for ErrConflict or ErrUnavailable must not take an undetermined outcome for a
// definite failure.
func Undetermined(id, detail string, cause error) *Error {
	failed := &Error{Kind: ErrUndetermined, ID: id, Detail: detail}
	if inner, ok := errors.AsType[*Error](cause); ok {
		failed.Path, failed.Capability = inner.Path, inner.Capability
	}
	if cause != nil {
		failed.Err = &opaque{cause}
	}
	return failed
}

// opaque is an error that hides the sentinels of its cause.
type opaque struct{ cause error }

func (b *opaque) Error() string { return b.cause.Error() }

// Reason returns the text of the hidden cause.
func (b *opaque) Reason() string { return errtext.Cause(b.cause) }

// Is matches the context's errors.
func (b *opaque) Is(target error) bool {
	return (target == context.Canceled || target == context.DeadlineExceeded) && errors.Is(b.cause, target)
}

// As finds Vault's response.
func (b *opaque) As(target any) bool {
	response, ok := target.(**api.ResponseError)
	return ok && errors.As(b.cause, response)
}

// Invalid returns an ErrInvalid with a detail.
func Invalid(format string, args ...any) *Error {
	return &Error{Kind: ErrInvalid, Detail: fmt.Sprintf(format, args...)}
}

// WithOp returns err as an *Error with the operation and the provider. It keeps fields that are
// already set. It returns nil for nil.
func WithOp(op, provider string, err error) error {
	if err == nil {
		return nil
	}
	filled := toError(err)
	filled.Op = op
	if filled.Provider == "" {
		filled.Provider = provider
	}
	return filled
}

// toError returns a new *Error for err, with the fields of the *Error that err is or wraps. If
// err wraps one, as an error of a Source may, the text of err is kept.
func toError(err error) *Error {
	inner, ok := errors.AsType[*Error](err)
	if !ok {
		return &Error{Kind: Kind(err), Err: err}
	}
	filled := *inner
	if error(inner) != err { //nolint:errorlint // whether it is wrapped is the question
		filled.Err = &errtext.Wrapped{Err: err}
	}
	return &filled
}

// Note returns err as an *Error with a note in its detail, and with more causes.
func Note(err error, note string, causes ...error) *Error {
	noted := toError(err)
	noted.Detail = errtext.Join("; ", noted.Detail, note)
	wrapper, wrapped := noted.Err.(*errtext.Wrapped) //nolint:errorlint // the cause itself
	if wrapped {
		noted.Err = wrapper.Err
	}
	if len(causes) > 0 {
		noted.Err = errors.Join(append([]error{noted.Err}, causes...)...)
	}
	if wrapped {
		noted.Err = &errtext.Wrapped{Err: noted.Err, Note: errtext.Join("; ", wrapper.Note, note)}
	}
	return noted
}

// Interrupted returns the error for a retry that ended because the context ended:
// ErrUnavailable, with the last response and the context's error as causes.
func Interrupted(last, ended error) error {
	filled := &Error{Kind: ErrUnavailable, Err: last}
	if _, ok := errors.AsType[*Error](last); ok {
		filled = toError(last)
	}
	if errors.Is(filled.Err, ended) {
		return filled
	}
	if wrapper, wrapped := filled.Err.(*errtext.Wrapped); wrapped { //nolint:errorlint // the cause itself
		filled.Err = &errtext.Wrapped{Err: errors.Join(ended, wrapper.Err), Note: wrapper.Note}
		return filled
	}
	filled.Err = errors.Join(ended, filled.Err)
	return filled
}

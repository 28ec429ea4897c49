// Package vaulterr holds vaultkit's errors: the sentinels for errors.Is, and the struct for
// errors.As. It is the only package that reads the status and the texts of Vault's errors. The
// root package aliases its names.
package vaulterr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"
)

// The sentinels. Some wrap a more general one: ErrDestroyed is an ErrDeleted, ErrSealed an
// ErrUnavailable, ErrWrappingToken an ErrUnauthenticated.
var (
	ErrNotFound         = errors.New("not found")
	ErrDeleted          = errors.New("deleted")
	ErrDestroyed        = fmt.Errorf("destroyed: %w", ErrDeleted)
	ErrFieldMissing     = errors.New("field missing")
	ErrMountNotFound    = errors.New("mount not found")
	ErrNotKVv2          = errors.New("not a KV version 2 mount")
	ErrPermissionDenied = errors.New("permission denied")
	ErrUnauthenticated  = errors.New("not logged in")
	ErrWrappingToken    = fmt.Errorf("wrapping token unusable: %w", ErrUnauthenticated)
	ErrConflict         = errors.New("conflict, not applied")
	ErrUndetermined     = errors.New("outcome undetermined")
	ErrNoChange         = errors.New("nothing to change")
	ErrUnavailable      = errors.New("vault unavailable")
	ErrSealed           = fmt.Errorf("vault is sealed: %w", ErrUnavailable)
	ErrInvalid          = errors.New("invalid")
	ErrClosed           = errors.New("client is closed")

	// ErrNotAsked means that a revoker did not call the provider's API.
	ErrNotAsked = errors.New("the provider's API was not called")

	// errTooLarge is an ErrUnavailable that is not retried: the response would be as large again.
	errTooLarge = fmt.Errorf("response too large: %w", ErrUnavailable)
)

// Error is the error of every failed call. It holds the operation, what the operation was
// about, the sentinel, what to do, and the cause. It never contains a secret.
type Error struct {
	Op         string // the operation that failed: "GetAPIKey", "Rotate", "New"
	Provider   string // the provider, if the operation has one
	Path       string // the Vault API path, mount included, without "/v1/"
	Version    int    // the KV version the error is about; 0: none
	ID         string // the rotation or backup id
	Field      string // the field of the provider's secret
	Capability string // for ErrPermissionDenied: the missing Vault capability
	// CorrelationID is the X-Correlation-Id header of the failed request; empty if no request
	// failed. Audit devices can log this header.
	CorrelationID string
	Kind          error  // one of the sentinels
	Detail        string // what was wrong
	Hint          string // what to do; empty: the sentinel's hint
	Err           error  // the cause, an *api.ResponseError if Vault responded

	keepsText bool   // Err wraps an *Error, and its text contains everything that the fields do
	note      string // what to add to that text
}

// Error returns what failed, why, and what to do, on one line.
func (e *Error) Error() string {
	head := strings.TrimSpace(strings.Join([]string{e.Op, e.Provider}, " "))
	text := "vaultkit: " + joinNonEmpty(": ", head, e.reason())
	if hint := e.hint(); hint != "" {
		text += "; " + hint
	}
	return Printable(text)
}

// reason returns the text without the operation and the hint. It is used for an *Error that is
// the cause of another.
func (e *Error) reason() string {
	if e.keepsText {
		return joinNonEmpty("; ", causeText(e.Err), e.note)
	}
	cause := causeText(e.Err)
	return joinNonEmpty(": ", e.kindText(), e.Detail, e.location(cause), cause)
}

func joinNonEmpty(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), separator)
}

// Unwrap returns the sentinel and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// MarshalJSON encodes the text of Error and not the cause: the body of a proxy's response may
// contain the request.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"error": e.Error()})
}

func (e *Error) kindText() string {
	switch {
	case e.Kind == nil:
		return ""
	case errors.Is(e.Kind, ErrPermissionDenied) && e.Capability != "":
		return fmt.Sprintf("permission denied, capability %q is missing", e.Capability)
	default:
		text, _, _ := strings.Cut(e.Kind.Error(), ":")
		return text
	}
}

// location returns the path, version, field and id, except those that the text of the cause
// contains.
func (e *Error) location(cause string) string {
	var parts []string
	if e.Path != "" && !strings.Contains(cause, "at "+e.Path) {
		parts = append(parts, "at "+e.Path)
	}
	if e.Version > 0 {
		parts = append(parts, fmt.Sprintf("version %d", e.Version))
	}
	if e.Field != "" {
		parts = append(parts, fmt.Sprintf("field %q", e.Field))
	}
	if e.ID != "" && !strings.Contains(cause, e.ID) {
		parts = append(parts, "id "+e.ID)
	}
	return strings.Join(parts, ", ")
}

func (e *Error) hint() string {
	if e.Hint != "" {
		return e.Hint
	}
	for _, h := range hints {
		if errors.Is(e.Kind, h.kind) {
			return h.text
		}
	}
	return ""
}

// hints are what to do next. More specific sentinels come first.
var hints = []struct {
	kind error
	text string
}{
	{ErrNotFound, "check the name, list the providers, or store the secret first"},
	{ErrDestroyed, "the value is gone for good: store a new secret, and allow it to replace a deleted one"},
	{ErrDeleted, "undelete the version in Vault, or store a new secret, and allow it to replace a deleted one"},
	{ErrFieldMissing, "read another field, or add this one with a rotation"},
	{ErrMountNotFound, "check the mount's name, and check that the KV engine is enabled there"},
	{ErrNotKVv2, "use a KV version 2 mount, or upgrade this one with 'vault kv enable-versioning'"},
	{ErrPermissionDenied, "add the capability to the policy of the token's role"},
	{ErrWrappingToken, "it was used before or has expired: if nobody in your team used it, treat the secret id as stolen; then issue a new one"},
	{ErrUnauthenticated, "check the token or the login's credentials"},
	{ErrConflict, "somebody else changed it first: read it again, then decide"},
	{ErrUndetermined, "recover this provider to find out whether it was applied"},
	{ErrNoChange, "the current value is already the requested one"},
	{ErrSealed, "unseal Vault, then try again"},
	{errTooLarge, "the secret or list is larger than vaultkit reads, or the server at this address is not Vault"},
	{ErrUnavailable, "check the address and the server's health, then try again"},
	{ErrClosed, "create a new client"},
}

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
		filled.Err, filled.keepsText, filled.note = err, true, ""
	}
	return &filled
}

// Note returns err as an *Error with a note in its detail, and with more causes.
func Note(err error, note string, causes ...error) *Error {
	noted := toError(err)
	noted.Detail = joinNonEmpty("; ", noted.Detail, note)
	noted.note = joinNonEmpty("; ", noted.note, note)
	if len(causes) > 0 {
		noted.Err = errors.Join(append([]error{noted.Err}, causes...)...)
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
	if !errors.Is(filled.Err, ended) {
		filled.Err = errors.Join(ended, filled.Err)
	}
	return filled
}

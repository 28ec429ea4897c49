// Package vaulterr holds the errors of vaultkit: the sentinels for errors.Is,
// the one struct for errors.As, and the only place where a Vault answer's
// status and text are turned into either. It is a leaf: the root package
// aliases its names.
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

// The sentinels. The finer ones wrap the coarser: ErrDestroyed is an
// ErrDeleted, ErrSealed an ErrUnavailable, ErrWrappingToken an
// ErrUnauthenticated.
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

	// ErrNotAsked is a revoker's word that it did not ask the issuer.
	ErrNotAsked = errors.New("the issuer was not asked")

	// errTooLarge is an answer that no retry makes smaller.
	errTooLarge = fmt.Errorf("answer too large: %w", ErrUnavailable)
)

// Error is what every failing call returns: the verb, what it was about, which
// sentinel it is, what to do, and the cause. It never holds a secret value.
type Error struct {
	Op         string // the verb that failed: "GetAPIKey", "Rotate", "New"
	Provider   string // the provider, when the verb has one
	Path       string // the Vault API path, mount included, without "/v1/"
	Version    int    // the KV version the error is about; 0: none
	ID         string // the rotation or backup id
	Field      string // the field of the provider's secret
	Capability string // for ErrPermissionDenied: the missing Vault capability
	// CorrelationID is the X-Correlation-Id the failed request carried, by which an
	// audit device that notes this header has it; empty where no request failed.
	CorrelationID string
	Kind          error  // one of the sentinels
	Detail        string // what exactly was wrong
	Hint          string // what to do; empty: the sentinel's usual hint
	Err           error  // the cause, *api.ResponseError where Vault answered

	keepsText bool   // Err wraps an *Error, has words of its own, and says all that the fields do
	note      string // what to add to those words
}

// Error says what failed, why, and what to do, on one line.
func (e *Error) Error() string {
	head := strings.TrimSpace(strings.Join([]string{e.Op, e.Provider}, " "))
	text := "vaultkit: " + joinNonEmpty(": ", head, e.reason())
	if hint := e.hint(); hint != "" {
		text += "; " + hint
	}
	return Printable(text)
}

// reason is the middle of the text, all that is left of an *Error that is the
// cause of another.
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

// Unwrap makes both the sentinel and the cause reachable by errors.Is and As.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// MarshalJSON encodes what Error says, and never the cause itself: the body of
// an answer from somewhere in between may echo the request.
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

// where says what the error is about, less what the cause's text says anyway.
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

// hints are what to do next, most specific sentinel first.
var hints = []struct {
	kind error
	text string
}{
	{ErrNotFound, "check the name, list what exists, or store it first"},
	{ErrDestroyed, "the value is gone for good: store a new secret over it, saying that it may replace a deleted one"},
	{ErrDeleted, "undelete the version in Vault, or store a new secret over it, saying that it may replace a deleted one"},
	{ErrFieldMissing, "read another field or rotate this one in"},
	{ErrMountNotFound, "check the mount's name, and that the KV engine is enabled there"},
	{ErrNotKVv2, "name a KV version 2 mount, or upgrade this one with 'vault kv enable-versioning'"},
	{ErrPermissionDenied, "add the capability to the policy of the token's role"},
	{ErrWrappingToken, "it was used before or expired: if nobody of yours used it, treat the secret id as stolen; then issue a new one"},
	{ErrUnauthenticated, "check the token or the login's credentials"},
	{ErrConflict, "somebody else changed it first: read it again and decide"},
	{ErrUndetermined, "recover this provider: that says what became of it"},
	{ErrNoChange, "the current value is already the one asked for"},
	{ErrSealed, "unseal Vault, then try again"},
	{errTooLarge, "the secret or list is larger than vaultkit reads, or something else than Vault answers at this address"},
	{ErrUnavailable, "check the address and the server's health, then try again"},
	{ErrClosed, "make a new client"},
}

// Undetermined is an ErrUndetermined about the rotation id. Its cause is told,
// and Vault's answer and the context's error stay reachable, but none of the
// cause's sentinels: whoever tests for ErrConflict or ErrUnavailable first must
// not take an open outcome for a definite failure.
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

// bare is an error without its sentinels.
type opaque struct{ cause error }

func (b *opaque) Error() string { return b.cause.Error() }

// Is lets the context's errors through.
func (b *opaque) Is(target error) bool {
	return (target == context.Canceled || target == context.DeadlineExceeded) && errors.Is(b.cause, target)
}

// As lets Vault's answer through.
func (b *opaque) As(target any) bool {
	response, ok := target.(**api.ResponseError)
	return ok && errors.As(b.cause, response)
}

// Invalid is an ErrInvalid with its detail.
func Invalid(format string, args ...any) *Error {
	return &Error{Kind: ErrInvalid, Detail: fmt.Sprintf(format, args...)}
}

// In returns err as an *Error that carries the verb and the provider, keeping
// what an inner layer already filled in. Nil stays nil.
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

// adopt returns a new *Error for err, with the fields of the one that err is or wraps. A
// wrapper, a Source's for instance, keeps its words.
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

// Note returns err as an *Error with a note added to its detail, and causes to
// its cause.
func Note(err error, note string, causes ...error) *Error {
	noted := toError(err)
	noted.Detail = joinNonEmpty("; ", noted.Detail, note)
	noted.note = joinNonEmpty("; ", noted.note, note)
	if len(causes) > 0 {
		noted.Err = errors.Join(append([]error{noted.Err}, causes...)...)
	}
	return noted
}

// GaveUp is the error of somebody who stopped repeating a request because the
// context ended: ErrUnavailable, with both the last answer and the context's
// error as causes.
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

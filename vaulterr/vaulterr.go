// Package vaulterr holds the errors of package vaultkit.
//
// Every error of vaultkit is an [*Error]. It wraps a sentinel such as [ErrNotFound], or else the
// error that a function of yours returned, or that of a cancelled context. Test for it with
// errors.Is, and read the fields with errors.As:
//
//	key, err := client.GetAPIKey(ctx, "openai-gpt4")
//	var failed *vaulterr.Error
//	switch {
//	case errors.Is(err, vaulterr.ErrUnavailable):
//		log.Print("vault is down: ", err)
//	case errors.As(err, &failed):
//		log.Print(failed.Op, " at ", failed.Path, ": ", failed.Detail)
//	}
//
// An Error with a sentinel also wraps its cause. Package vaultkit has the same type and the same
// sentinels, so most programs do not need this package. Only [ErrTooLarge] is not in vaultkit:
// most programs handle it as the [ErrUnavailable] that it wraps.
package vaulterr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"goblin/vaultkit/internal/errtext"
)

// The sentinels, for errors.Is. ErrDestroyed wraps ErrDeleted, ErrSealed and ErrTooLarge wrap
// ErrUnavailable, and ErrWrappingToken wraps ErrUnauthenticated.
var (
	// ErrNotFound: nothing is stored under this name.
	ErrNotFound = errors.New("not found")
	// ErrDeleted: the current version is soft-deleted, or has expired.
	ErrDeleted = errors.New("deleted")
	// ErrDestroyed: the current version is destroyed for good.
	ErrDestroyed = fmt.Errorf("destroyed: %w", ErrDeleted)
	// ErrFieldMissing: the secret has no such field, or it is empty.
	ErrFieldMissing = errors.New("field missing")
	// ErrMountNotFound: no secrets engine is mounted there.
	ErrMountNotFound = errors.New("mount not found")
	// ErrNotKVv2: the mount is not a KV version 2 engine.
	ErrNotKVv2 = errors.New("not a KV version 2 mount")
	// ErrPermissionDenied: the token's policies lack a capability. The error names it, and the
	// path.
	ErrPermissionDenied = errors.New("permission denied")
	// ErrUnauthenticated: Vault refused the token, and no login returned another one.
	ErrUnauthenticated = errors.New("not logged in")
	// ErrWrappingToken: a response-wrapping token was used before, has expired, or wraps something
	// else. If none of your programs used it, somebody else did, and has the secret id.
	ErrWrappingToken = fmt.Errorf("wrapping token unusable: %w", ErrUnauthenticated)
	// ErrConflict: another write came first. Yours was not applied, and never will be.
	ErrConflict = errors.New("conflict, not applied")
	// ErrUndetermined: it is not known yet whether the write was applied. The error of a rotation
	// has its ID. Recover, or the same call again, finds out. After PutProviderKeys, read the
	// provider.
	ErrUndetermined = errors.New("outcome undetermined")
	// ErrNoChange: the current secret already has these values.
	ErrNoChange = errors.New("nothing to change")
	// ErrUnavailable: Vault could not be reached, did not respond in time, or could not serve.
	ErrUnavailable = errors.New("vault unavailable")
	// ErrSealed: Vault is sealed.
	ErrSealed = fmt.Errorf("vault is sealed: %w", ErrUnavailable)
	// ErrInvalid: a name, value or option that is refused before anything is sent.
	ErrInvalid = errors.New("invalid")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("client is closed")

	// ErrNotAsked: a Revoker did not call the provider's API, so it revoked no key.
	ErrNotAsked = errors.New("the provider's API was not called")

	// ErrTooLarge: a response is larger than vaultkit reads. The request is not retried.
	ErrTooLarge = fmt.Errorf("response too large: %w", ErrUnavailable)
)

// Error is the type of every error. Its fields say which call failed, for which provider, what is
// wrong, and what to do. Fields that do not apply are empty. It never holds a secret value.
type Error struct {
	Op         string // the operation that failed: "GetAPIKey", "Rotate", "New"
	Provider   string // the provider, if the operation has one
	Path       string // the Vault API path, mount included, without "/v1/"
	Version    int    // the KV version the error is about; 0: none
	ID         string // the rotation or backup id
	Field      string // the field of the provider's secret
	Capability string // for ErrPermissionDenied: the missing Vault capability
	// CorrelationID is the X-Correlation-Id of the failed request. Vault's audit log has it, if
	// the audit device logs this header. Empty: no request failed.
	CorrelationID string

	Kind   error  // one of the sentinels; nil: none of them, see Err
	Detail string // what was wrong
	Hint   string // what to do; empty: the sentinel's hint
	Err    error  // the cause, an *api.ResponseError if Vault responded
}

// Error returns what failed, why, and what to do, on one line.
func (e *Error) Error() string {
	head := strings.TrimSpace(strings.Join([]string{e.Op, e.Provider}, " "))
	text := "vaultkit: " + errtext.Join(": ", head, e.Reason())
	if hint := e.hint(); hint != "" {
		text += "; " + hint
	}
	return errtext.Printable(text)
}

// Reason returns the text without the operation, the provider and the hint. It is shown for an
// Error that is the cause of another.
func (e *Error) Reason() string {
	//nolint:errorlint // the cause itself, not one below it
	if wrapped, ok := e.Err.(*errtext.Wrapped); ok {
		return wrapped.Reason()
	}
	cause := errtext.Cause(e.Err)
	return errtext.Join(": ", e.kindText(), e.Detail, e.location(cause), cause)
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

// newWrapping are the commands that make another wrapped secret id.
const newWrapping = "vaultkit setup --approle ROLE --new-secret-id, or for an AppRole that setup did not make, " +
	"vault write -f -wrap-ttl=5m auth/approle/role/ROLE/secret-id"

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
	{ErrWrappingToken, "it was used before or has expired: if nobody in your team used it, " +
		"treat the secret id as stolen; then make a new one: " + newWrapping},
	{ErrUnauthenticated, "check the token or the login's credentials"},
	{ErrConflict, "somebody else changed it first: read it again, then decide"},
	{ErrUndetermined, "recover this provider to find out whether it was applied"},
	{ErrNoChange, "the current value is already the requested one"},
	{ErrSealed, "unseal Vault, then try again"},
	{ErrTooLarge, "the secret or list is larger than vaultkit reads, or the server at this address is not Vault"},
	{ErrUnavailable, "check the address and the server's health, then try again"},
	{ErrClosed, "create a new client"},
}

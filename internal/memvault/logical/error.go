package logical

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Error is a refusal. Its body is Vault's: {"errors":["text"]}.
type Error struct {
	Status int
	Text   string // "" for an empty list of errors
	Data   any    // shown beside the errors if not nil

	// Inner says that the error comes from inside an engine without a text of its own.
	// The core lists such a text, but for a path that needs no token.
	Inner bool
}

// Error returns the text that the client sees.
func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Text) }

// Encode returns the body of the error.
func (e *Error) Encode() ([]byte, error) {
	texts := []string{}
	if e.Text != "" {
		texts = append(texts, e.Text)
	}
	if e.Data == nil {
		return json.Marshal(struct {
			Errors []string `json:"errors"`
		}{texts})
	}
	return json.Marshal(struct {
		Errors []string `json:"errors"`
		Data   any      `json:"data"`
	}{texts, e.Data})
}

// Refuse returns a 400 with a text.
func Refuse(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Text: fmt.Sprintf(format, args...)}
}

// Internal returns a 500 for a failure that has no response.
func Internal(err error) *Error {
	return &Error{Status: http.StatusInternalServerError, Text: err.Error(), Inner: true}
}

// AsError returns a failure as what the client sees: itself, or a 500.
func AsError(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return Internal(err)
}

// Unsupported refuses what Vault itself honours and the in-process Vault does not.
func Unsupported(what string) *Error {
	return Refuse("memvault does not support %s; test this on a real Vault server", what)
}

// Denied is the answer to a valid token without the right.
func Denied() *Error {
	return &Error{Status: http.StatusForbidden, Text: Listed("permission denied")}
}

// NoToken is the answer to a request without a token.
func NoToken() *Error { return &Error{Status: http.StatusForbidden, Text: "permission denied"} }

// InvalidToken is the answer to a token that is unknown, expired, revoked or used up.
func InvalidToken() *Error {
	return &Error{Status: http.StatusForbidden, Text: Listed("permission denied", "invalid token")}
}

// NoRoute is the answer to a path below no mount.
func NoRoute(path string) *Error {
	return &Error{Status: http.StatusNotFound, Text: fmt.Sprintf("no handler for route %q. route entry not found.", path)}
}

// UnsupportedPath is the answer to a path that a mount does not have.
func UnsupportedPath() *Error {
	return &Error{Status: http.StatusNotFound, Text: "unsupported path", Inner: true}
}

// UnsupportedOperation is the answer to a path's wrong method.
func UnsupportedOperation() *Error {
	return &Error{Status: http.StatusMethodNotAllowed, Text: "unsupported operation", Inner: true}
}

// Sealed is the answer of a sealed server.
func Sealed() *Error { return &Error{Status: http.StatusServiceUnavailable, Text: "Vault is sealed"} }

// Listed formats texts as Vault's core lists errors.
func Listed(texts ...string) string {
	out := fmt.Sprintf("%d errors occurred:", len(texts))
	if len(texts) == 1 {
		out = "1 error occurred:"
	}
	for _, text := range texts {
		out += "\n\t* " + text
	}
	return out + "\n\n"
}

package vaulterr_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// curt is a wrapper whose text does not contain the text of what it wraps.
type curt struct {
	text string
	err  error
}

func (c *curt) Error() string { return c.text }
func (c *curt) Unwrap() error { return c.err }

// TestWrapperText_IsKept: the text of a Source's error explains the error inside it.
func TestWrapperText_IsKept(t *testing.T) {
	response := &api.ResponseError{HTTPMethod: "PUT", URL: "http://vault.test/v1/x", StatusCode: 400, Errors: []string{"no data provided"}}
	page := &api.ResponseError{StatusCode: 502, RawError: true, Errors: []string{"<html>sk-canary</html>"}}
	own := vaulterr.WithOp("GetAPIKey", "admin", &vaulterr.Error{Kind: vaulterr.ErrPermissionDenied, Path: "secret/data/x", Err: response})
	lost := vaulterr.TransportError(errors.New(`malformed HTTP response "sk-canary"`))
	for want, err := range map[string]error{
		"my source: HTTP 400: no data provided": fmt.Errorf("my source: %w", response),
		"my source: HTTP 502":                   fmt.Errorf("my source: %w", page),
		"outer: my source: HTTP 502":            fmt.Errorf("outer: %w", fmt.Errorf("my source: %w", page)),
		"my source: the response is not HTTP":   fmt.Errorf("my source: %w", lost),
		"my source: permission denied: at secret/data/x: HTTP 400: no data provided": fmt.Errorf("my source: %w", own),
		"two: HTTP 400: no data provided and HTTP 502":                               fmt.Errorf("two: %w and %w", response, page),
		"the issuer is closed: HTTP 400: no data provided":                           &curt{"the issuer is closed", response},
		"HTTP 502": &curt{"it said <html>sk-canary</html>", page},
		`my\x1b[31m source: HTTP 400: no data provided`: fmt.Errorf("my\x1b[31m source: %w", response),
		"a, HTTP 502": errors.Join(errors.New("a"), page),
		"my source: a, HTTP 400: no data provided, permission denied: at secret/data/x: HTTP 400: no data provided": fmt.Errorf("my source: %w", errors.Join(errors.New("a"), response, own)),
	} {
		for form, got := range map[string]error{
			"WithOp":        vaulterr.WithOp("Rotate", "p", err),
			"WithOp twice":  vaulterr.WithOp("Rotate", "p", vaulterr.WithOp("login", "", err)),
			"Note":          vaulterr.WithOp("Rotate", "p", vaulterr.Note(err, "a note")),
			"Undetermined":  vaulterr.WithOp("Rotate", "p", vaulterr.Undetermined("the-id", "why", err)),
			"a field's Err": vaulterr.WithOp("Rotate", "p", &vaulterr.Error{Detail: "the new secret was not verified", Err: err}),
		} {
			text := got.Error()
			encoded, _ := json.Marshal(got)
			if !strings.Contains(text, want) || strings.Contains(text+string(encoded), "canary") {
				t.Errorf("%s: Error() = %q, want %q in it and no secret", form, text, want)
			}
			if form == "Note" && !strings.Contains(text, "a note") {
				t.Errorf("%s: Error() = %q, want the note in it", form, text)
			}
		}
	}
}

// TestWithOp_KeepsTheFieldsOfAWrappedError: errors.As finds the inner error's fields.
func TestWithOp_KeepsTheFieldsOfAWrappedError(t *testing.T) {
	inner := vaulterr.WithOp("GetAPIKey", "admin", &vaulterr.Error{Kind: vaulterr.ErrPermissionDenied, Path: "secret/data/x", Capability: "read"})
	got, ok := errors.AsType[*vaulterr.Error](vaulterr.WithOp("Rotate", "p", fmt.Errorf("my source: %w", inner)))
	if !ok || got.Op != "Rotate" || got.Provider != "admin" || got.Path != "secret/data/x" || got.Capability != "read" || !errors.Is(got, vaulterr.ErrPermissionDenied) {
		t.Errorf("WithOp = %+v, want the operation Rotate and the fields of the wrapped error", got)
	}
}

// TestError_IsPrintable: an error is one line of printable characters, so that it cannot control a
// terminal.
func TestError_IsPrintable(t *testing.T) {
	const evil = "evil\n::error::x\r\x1b]0;title\a\u009b31m\u202egnp.exe\u2028"
	for name, err := range map[string]error{
		"a server's text": &api.ResponseError{StatusCode: 400, Errors: []string{evil}},
		"a detail":        vaulterr.Invalid("%s", evil),
		"a field":         &vaulterr.Error{Field: evil},
		"a provider":      &vaulterr.Error{Provider: evil},
		"an id":           &vaulterr.Error{ID: evil},
		"a path":          &vaulterr.Error{Path: evil},
		"a hint":          &vaulterr.Error{Hint: evil},
		"a source's text": errors.New(evil),
	} {
		text := vaulterr.WithOp("Rotate", "p", err).Error()
		if vaulterr.Printable(text) != text || strings.ContainsAny(text, "\n\r\x1b\a\u009b\u202e\u2028") {
			t.Errorf("%s: Error() = %q, want it printable", name, text)
		}
		if !strings.Contains(text, "evil") || !strings.Contains(text, `]0;title`) {
			t.Errorf("%s: Error() = %q, want it to contain the escaped text", name, text)
		}
	}
}

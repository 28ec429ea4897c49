// Package errtext returns the texts of errors: on one line, escaped, and without the body of a
// response that is not Vault's.
package errtext

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/api"
)

// NeedsHTTPS is the text that Go's server, not Vault, sends for a plain HTTP request.
const NeedsHTTPS = "HTTP request to an HTTPS server"

// reasoner is an error of this module. Its Reason may be shown.
type reasoner interface {
	error
	Reason() string
}

// Wrapped is the cause of an error that another text wraps, for example a Source's. This text
// is shown, and the note after it.
type Wrapped struct {
	Err  error
	Note string
}

func (w *Wrapped) Error() string { return w.Err.Error() }

// Unwrap returns the error with the text.
func (w *Wrapped) Unwrap() error { return w.Err }

// Reason returns the text that may be shown, and the note.
func (w *Wrapped) Reason() string { return Join("; ", Cause(w.Err), w.Note) }

// Join joins the parts that are not empty.
func Join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), separator)
}

// Cause returns the text of a cause on one line. It omits the body of a response that is
// not Vault's JSON: a proxy's response may contain the request.
func Cause(err error) string {
	//nolint:errorlint // every error of the chain is rendered
	switch cause := err.(type) {
	case nil:
		return ""
	case reasoner:
		return cause.Reason()
	case *api.ResponseError:
		return responseText(cause)
	case *url.Error:
		if needsRendering(cause) {
			return Cause(cause.Err) // location has the path
		}
	}
	inner, list := unwrapAll(err)
	switch {
	case list:
		return Join(", ", texts(inner)...)
	case !needsRendering(err):
		return OneLine(err.Error())
	}
	return wrapperText(err.Error(), inner)
}

func texts(errs []error) (texts []string) {
	for _, err := range errs {
		texts = append(texts, Cause(err))
	}
	return texts
}

// needsRendering reports whether err wraps an error whose own text must not be shown.
func needsRendering(err error) bool {
	_, own := errors.AsType[reasoner](err)
	_, answered := errors.AsType[*api.ResponseError](err)
	return own || answered
}

// wrapperText returns the text of a wrapper, with the rendered text of the errors that it
// wraps.
func wrapperText(text string, inner []error) string {
	var rest []string
	for _, one := range inner {
		rendered, original := Cause(one), one.Error()
		if original != "" && strings.Contains(text, original) {
			text = strings.ReplaceAll(text, original, rendered)
			continue
		}
		if quotesResponse(text, one) {
			text = ""
		}
		rest = append(rest, rendered)
	}
	return Join(": ", append([]string{OneLine(text)}, rest...)...)
}

// quotesResponse reports whether the text contains a part of a response.
func quotesResponse(text string, err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && slices.ContainsFunc(response.Errors, func(line string) bool { return line != "" && strings.Contains(text, line) })
}

// unwrapAll returns the errors that err wraps, and whether err is only a list of them.
func unwrapAll(err error) (inner []error, list bool) {
	//nolint:errorlint // one layer
	switch wrapper := err.(type) {
	case interface{ Unwrap() []error }:
		inner = wrapper.Unwrap()
		var plain []string
		for _, one := range inner {
			plain = append(plain, one.Error())
		}
		return inner, strings.Join(plain, "\n") == err.Error() // errors.Join, which adds no words
	case interface{ Unwrap() error }:
		if one := wrapper.Unwrap(); one != nil {
			return []error{one}, false
		}
	}
	if inner = hiddenErrors(err); inner != nil {
		return inner, true
	}
	return nil, false
}

// hiddenErrors returns the error that errors.As finds in an err without an Unwrap method.
func hiddenErrors(err error) []error {
	if response, ok := errors.AsType[*api.ResponseError](err); ok {
		return []error{response}
	}
	if own, ok := errors.AsType[reasoner](err); ok {
		return []error{own}
	}
	return nil
}

// responseText returns the text of an error response.
func responseText(response *api.ResponseError) string {
	switch {
	case ContainsText(response, NeedsHTTPS):
		return "the server speaks HTTPS, but the address says http://"
	case IsProxy404(response):
		return "HTTP 404, which Vault did not send"
	case response.RawError || len(response.Errors) == 0:
		return fmt.Sprintf("HTTP %d", response.StatusCode)
	}
	return fmt.Sprintf("HTTP %d: %s", response.StatusCode, OneLine(strings.Join(response.Errors, "; ")))
}

// OneLine replaces each run of white space with one space.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Printable escapes every character that could control a terminal or a log. Texts of a server,
// field names and other input may contain them.
func Printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var safe strings.Builder
	for _, r := range text {
		if unprintable(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			safe.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		safe.WriteRune(r)
	}
	return safe.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// ContainsText reports whether a line of Vault's errors contains the text.
func ContainsText(response *api.ResponseError, text string) bool {
	for _, line := range response.Errors {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// IsProxy404 reports whether a 404 comes from a proxy. A load balancer answers with 404 while
// Vault restarts, and that must not mean that a secret is gone. Vault's own 404 has a list of
// errors, empty or not. The official client leaves Errors nil if the JSON has no list.
// Vault's other 404s are reclassified by their body.
func IsProxy404(response *api.ResponseError) bool {
	return response.StatusCode == http.StatusNotFound && (response.RawError || response.Errors == nil)
}

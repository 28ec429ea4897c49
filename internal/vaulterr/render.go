package vaulterr

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/vault/api"
)

// causeText returns the text of a cause on one line. It omits the body of a response that is
// not Vault's JSON: a proxy's response may contain the request.
func causeText(err error) string {
	//nolint:errorlint // every error of the chain is rendered
	switch cause := err.(type) {
	case nil:
		return ""
	case *Error:
		return cause.reason()
	case *opaque:
		return causeText(cause.cause)
	case *transportError:
		return cause.class
	case *unreadableResponse:
		return cause.reason.class
	case *api.ResponseError:
		return responseText(cause)
	case *url.Error:
		if needsRendering(cause) {
			return causeText(cause.Err) // location has the path
		}
	}
	inner, list := unwrapAll(err)
	switch {
	case list:
		return joinNonEmpty(", ", texts(inner)...)
	case !needsRendering(err):
		return oneLine(err.Error())
	}
	return wrapperText(err.Error(), inner)
}

func texts(errs []error) (texts []string) {
	for _, err := range errs {
		texts = append(texts, causeText(err))
	}
	return texts
}

// needsRendering reports whether err wraps an error whose own text must not be shown.
func needsRendering(err error) bool {
	_, own := errors.AsType[*Error](err)
	_, failed := errors.AsType[*transportError](err)
	_, answered := errors.AsType[*api.ResponseError](err)
	return own || failed || answered
}

// wrapperText returns the text of a wrapper, with the rendered text of the errors that it
// wraps.
func wrapperText(text string, inner []error) string {
	var rest []string
	for _, one := range inner {
		rendered, original := causeText(one), one.Error()
		if original != "" && strings.Contains(text, original) {
			text = strings.ReplaceAll(text, original, rendered)
			continue
		}
		if quotesResponse(text, one) {
			text = ""
		}
		rest = append(rest, rendered)
	}
	return joinNonEmpty(": ", append([]string{oneLine(text)}, rest...)...)
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
	if own, ok := errors.AsType[*Error](err); ok {
		return []error{own}
	}
	return nil
}

// responseText returns the text of an error response.
func responseText(response *api.ResponseError) string {
	switch {
	case containsText(response, textNeedsHTTPS):
		return "the server speaks HTTPS, but the address says http://"
	case isProxy404(response):
		return "HTTP 404, which Vault did not send"
	case response.RawError || len(response.Errors) == 0:
		return fmt.Sprintf("HTTP %d", response.StatusCode)
	}
	return fmt.Sprintf("HTTP %d: %s", response.StatusCode, oneLine(strings.Join(response.Errors, "; ")))
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

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

package vaulterr

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

// The texts of Vault that carry meaning a status does not. KV v2 and the token
// store have no typed errors; nothing outside this file matches a text.
const (
	textCASMismatch   = "check-and-set parameter did not match the current version"
	textInvalidToken  = "invalid token"
	textDenied        = "permission denied"
	textNoRoute       = "no handler for route"
	textSealed        = "Vault is sealed"
	textBadSecretID   = "invalid role or secret ID"
	textBadSecretID2  = "invalid secret id"
	textWrappingToken = "wrapping token is not valid or does not exist"
	textMissingToken  = "missing client token"
	textUpgrading     = "Upgrading from non-versioned to versioned data"
	textNeedsHTTPS    = "HTTP request to an HTTPS server" // Go's server, not Vault's
)

func containsText(response *api.ResponseError, text string) bool {
	for _, line := range response.Errors {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// Kind is the sentinel an error of the official client stands for, or nil for
// a caller's own cancelled context.
func Kind(err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Kind
	}
	response, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return nil
	case !ok:
		return ErrUnavailable // no answer at all: connection, TLS, deadline, cut body
	}
	switch status := response.StatusCode; {
	case status == http.StatusForbidden:
		return classify403(response)
	case isProxy404(response):
		return ErrUnavailable
	case status == http.StatusNotFound && containsText(response, textNoRoute):
		return ErrMountNotFound
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusBadRequest:
		return classify400(response)
	case containsText(response, textSealed):
		return ErrSealed
	case ambiguousStatus(status):
		return ErrUnavailable
	}
	return ErrInvalid
}

// foreign404: a load balancer says "not found" of a Vault that is being restarted,
// which must not pass for Vault's word that a secret is gone. Vault's own 404 has a
// list of errors, empty or not; the official client leaves Errors nil where the body
// is JSON without one. See [Missing] for the others that are Vault's.
func isProxy404(response *api.ResponseError) bool {
	return response.StatusCode == http.StatusNotFound && (response.RawError || response.Errors == nil)
}

// Missing is a failed read in the light of its answer's body. Of Vault's own 404s,
// that of a deleted version and that of a path without "data/" have no errors, and
// are known by what they have instead.
func Reclassify404(err error, body []byte) error {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok || response.RawError || !isProxy404(response) {
		return err
	}
	var said struct {
		Warnings []string `json:"warnings"`
		Data     struct {
			Metadata struct {
				Version int `json:"version"`
			} `json:"metadata"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &said) != nil || len(said.Warnings) == 0 && said.Data.Metadata.Version < 1 {
		return err
	}
	own := *response
	own.Errors = []string{}
	return &own
}

func classify400(response *api.ResponseError) error {
	switch {
	case containsText(response, textCASMismatch):
		return ErrConflict
	case containsText(response, textWrappingToken):
		return ErrWrappingToken
	case containsText(response, textBadSecretID), containsText(response, textBadSecretID2), containsText(response, textMissingToken):
		return ErrUnauthenticated
	case containsText(response, textUpgrading), containsText(response, textNeedsHTTPS):
		return ErrUnavailable
	}
	return ErrInvalid
}

func classify403(response *api.ResponseError) error {
	if containsText(response, textInvalidToken) {
		return ErrUnauthenticated
	}
	return ErrPermissionDenied
}

// InvalidToken reports a request that Vault refused because it does not know
// the token (expired, revoked, spent, or from before a restart): the one
// signal to log in again. A plain denial is not.
func InvalidToken(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && response.StatusCode == http.StatusForbidden && containsText(response, textInvalidToken)
}

// Denied reports a request that Vault refused in its own words, 403, without saying
// that the token is to blame; request is its method and URL, and text what Vault said.
// OpenBao since 2.6 says the same of a token that has ended.
func Denied(err error) (request, text string, denied bool) {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok || response.StatusCode != http.StatusForbidden || response.RawError || !containsText(response, textDenied) || containsText(response, textInvalidToken) {
		return "", "", false
	}
	return response.HTTPMethod + " " + response.URL, strings.Join(response.Errors, "\n"), true
}

// Doubtful reports a failed write that Vault may have applied all the same, or
// may still apply: no answer, a cut one, one without Vault's own words (some hop
// in between gave it), or a status that a hop may give after the write went
// through.
func MaybeApplied(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil, refusedLocally(err):
		return false
	case !ok, response.RawError, len(response.Errors) == 0:
		return true
	}
	return ambiguousStatus(response.StatusCode) || containsText(response, textUpgrading)
}

// withoutForeignBody takes the body out of an answer that is not Vault's own:
// whatever hop gave it may have echoed the request, secret and all.
func withoutProxyBody(response *api.ResponseError) *api.ResponseError {
	if !response.RawError || containsText(response, textNeedsHTTPS) {
		return response
	}
	clean := *response
	clean.Errors = []string{"an answer that is not Vault's, left out"}
	return &clean
}

// refusedHere: no request left the client (it is closed, or was asked for
// something invalid), or Vault refused its token and there is no other.
func refusedLocally(err error) bool {
	own, ok := errors.AsType[*Error](err)
	return ok && (errors.Is(own.Kind, ErrClosed) || errors.Is(own.Kind, ErrUnauthenticated) || errors.Is(own.Kind, ErrInvalid) && own.Err == nil)
}

// TooLarge is the error of an answer of which no more than limit bytes are read.
func TooLarge(limit int64) error {
	return &Error{Kind: errTooLarge, Detail: fmt.Sprintf("it has more than %d bytes", limit)}
}

// Retryable reports a request that may succeed when simply sent again: a read,
// or a login.
func Retryable(err error) bool {
	switch {
	case err == nil, refusedLocally(err), errors.Is(err, ErrNotKVv2), errors.Is(err, ErrInvalid), errors.Is(err, errTooLarge):
		return false
	case errors.Is(err, context.Canceled), TLSMismatch(err):
		return false
	}
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return true
	}
	return !containsText(response, textSealed) && (ambiguousStatus(response.StatusCode) || isProxy404(response) || containsText(response, textUpgrading))
}

// BadTLS reports a TLS configuration that does not fit the server's. Asking again
// does not mend it.
func TLSMismatch(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	// The server's refusal of our certificate; crypto/tls has no type for it.
	var alert *net.OpError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &alert) && alert.Op == "remote error"
}

// NeedsHTTPS reports the answer of an HTTPS server to plain HTTP.
func NeedsHTTPS(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && containsText(response, textNeedsHTTPS)
}

// ambiguousStatus: 412 is a standby that has not caught up, 429 a rate quota,
// 307 a redirect to a node that is gone, 472 and 473 standbys' health codes.
func ambiguousStatus(status int) bool {
	switch status {
	case http.StatusTemporaryRedirect, http.StatusPreconditionFailed, http.StatusTooManyRequests, 472, 473:
		return true
	}
	return status >= 500
}

// Known is what carries a meaning in a text of Vault's, with what stands for the rest.
func KnownTexts(text, other string) string {
	var found []string
	for _, known := range []string{
		textCASMismatch, textInvalidToken, textDenied, textNoRoute, textSealed, textBadSecretID, textBadSecretID2,
		textWrappingToken, textMissingToken, textUpgrading, textNeedsHTTPS,
	} {
		if strings.Contains(text, known) {
			found = append(found, known)
		}
	}
	return strings.Join(append(found, other), "; ")
}

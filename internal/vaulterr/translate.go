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

func says(answer *api.ResponseError, text string) bool {
	for _, line := range answer.Errors {
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
	answer, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return nil
	case !ok:
		return ErrUnavailable // no answer at all: connection, TLS, deadline, cut body
	}
	switch status := answer.StatusCode; {
	case status == http.StatusForbidden:
		return kindOf403(answer)
	case foreign404(answer):
		return ErrUnavailable
	case status == http.StatusNotFound && says(answer, textNoRoute):
		return ErrMountNotFound
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusBadRequest:
		return kindOf400(answer)
	case says(answer, textSealed):
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
func foreign404(answer *api.ResponseError) bool {
	return answer.StatusCode == http.StatusNotFound && (answer.RawError || answer.Errors == nil)
}

// Missing is a failed read in the light of its answer's body. Of Vault's own 404s,
// that of a deleted version and that of a path without "data/" have no errors, and
// are known by what they have instead.
func Missing(err error, body []byte) error {
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok || answer.RawError || !foreign404(answer) {
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
	own := *answer
	own.Errors = []string{}
	return &own
}

func kindOf400(answer *api.ResponseError) error {
	switch {
	case says(answer, textCASMismatch):
		return ErrConflict
	case says(answer, textWrappingToken):
		return ErrWrappingToken
	case says(answer, textBadSecretID), says(answer, textBadSecretID2), says(answer, textMissingToken):
		return ErrUnauthenticated
	case says(answer, textUpgrading), says(answer, textNeedsHTTPS):
		return ErrUnavailable
	}
	return ErrInvalid
}

func kindOf403(answer *api.ResponseError) error {
	if says(answer, textInvalidToken) {
		return ErrUnauthenticated
	}
	return ErrPermissionDenied
}

// InvalidToken reports a request that Vault refused because it does not know
// the token (expired, revoked, spent, or from before a restart): the one
// signal to log in again. A plain denial is not.
func InvalidToken(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && answer.StatusCode == http.StatusForbidden && says(answer, textInvalidToken)
}

// Denied reports a request that Vault refused in its own words, 403, without saying
// that the token is to blame; request is its method and URL, and text what Vault said.
// OpenBao since 2.6 says the same of a token that has ended.
func Denied(err error) (request, text string, denied bool) {
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok || answer.StatusCode != http.StatusForbidden || answer.RawError || !says(answer, textDenied) || says(answer, textInvalidToken) {
		return "", "", false
	}
	return answer.HTTPMethod + " " + answer.URL, strings.Join(answer.Errors, "\n"), true
}

// Doubtful reports a failed write that Vault may have applied all the same, or
// may still apply: no answer, a cut one, one without Vault's own words (some hop
// in between gave it), or a status that a hop may give after the write went
// through.
func Doubtful(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil, refusedHere(err):
		return false
	case !ok, answer.RawError, len(answer.Errors) == 0:
		return true
	}
	return ambiguousStatus(answer.StatusCode) || says(answer, textUpgrading)
}

// withoutForeignBody takes the body out of an answer that is not Vault's own:
// whatever hop gave it may have echoed the request, secret and all.
func withoutForeignBody(answer *api.ResponseError) *api.ResponseError {
	if !answer.RawError || says(answer, textNeedsHTTPS) {
		return answer
	}
	clean := *answer
	clean.Errors = []string{"an answer that is not Vault's, left out"}
	return &clean
}

// refusedHere: no request left the client (it is closed, or was asked for
// something invalid), or Vault refused its token and there is no other.
func refusedHere(err error) bool {
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
	case err == nil, refusedHere(err), errors.Is(err, ErrNotKVv2), errors.Is(err, ErrInvalid), errors.Is(err, errTooLarge):
		return false
	case errors.Is(err, context.Canceled), BadTLS(err):
		return false
	}
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return true
	}
	return !says(answer, textSealed) && (ambiguousStatus(answer.StatusCode) || foreign404(answer) || says(answer, textUpgrading))
}

// BadTLS reports a TLS configuration that does not fit the server's. Asking again
// does not mend it.
func BadTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	// The server's refusal of our certificate; crypto/tls has no type for it.
	var alert *net.OpError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &alert) && alert.Op == "remote error"
}

// NeedsHTTPS reports the answer of an HTTPS server to plain HTTP.
func NeedsHTTPS(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && says(answer, textNeedsHTTPS)
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
func Known(text, rest string) string {
	var found []string
	for _, known := range []string{
		textCASMismatch, textInvalidToken, textDenied, textNoRoute, textSealed, textBadSecretID, textBadSecretID2,
		textWrappingToken, textMissingToken, textUpgrading, textNeedsHTTPS,
	} {
		if strings.Contains(text, known) {
			found = append(found, known)
		}
	}
	return strings.Join(append(found, rest), "; ")
}

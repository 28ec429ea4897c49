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

	"goblin/vaultkit/internal/errtext"
)

// The texts in which Vault's errors differ although their status is the same. KV v2 and the
// token store have no typed errors. Only this file and jwtrefusal.go match texts.
const (
	textCASMismatch   = "check-and-set parameter did not match the current version"
	textInvalidToken  = "invalid token"
	textDenied        = "permission denied"
	textNoRoute       = "no handler for route"
	textNoNamespace   = "namespace not found"
	textSealed        = "Vault is sealed"
	textBadSecretID   = "invalid role or secret ID"
	textBadSecretID2  = "invalid secret id"
	textWrappingToken = "wrapping token is not valid or does not exist"
	textMissingToken  = "missing client token"
	textUnknownRole   = "invalid role name"
	textUpgrading     = "Upgrading from non-versioned to versioned data"
	textNoClusterCA   = "serviceaccount/ca.crt: no such file or directory" // of a Kubernetes auth mount, outside a cluster
)

// Kind returns the sentinel for an error of the official client, or nil if the caller cancelled
// the context.
func Kind(err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Kind
	}
	response, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return nil
	case !ok:
		return ErrUnavailable // no complete response: connection, TLS, deadline, incomplete body
	}
	switch status := response.StatusCode; {
	case status == http.StatusForbidden:
		return classify403(response)
	case errtext.IsProxy404(response):
		return ErrUnavailable
	case status == http.StatusNotFound && (errtext.ContainsText(response, textNoRoute) || NamespaceNotFound(err)):
		return ErrMountNotFound
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusBadRequest:
		return classify400(response)
	case errtext.ContainsText(response, textSealed):
		return ErrSealed
	case ambiguousStatus(status):
		return ErrUnavailable
	}
	return ErrInvalid
}

// NamespaceNotFound reports whether the request's namespace does not exist. OpenBao answers so.
// Vault's community edition ignores namespaces.
func NamespaceNotFound(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && response.StatusCode == http.StatusNotFound && errtext.ContainsText(response, textNoNamespace)
}

// NameNamespace returns err, or an error that names the namespace if that does not exist.
func NameNamespace(err error, namespace string) error {
	if !NamespaceNotFound(err) {
		return err
	}
	return &Error{
		Kind: ErrMountNotFound, Err: err, Detail: fmt.Sprintf("the namespace %q does not exist", namespace),
		Hint: "check WithNamespace, VAULT_NAMESPACE or --namespace, or create the namespace",
	}
}

// Reclassify404 reclassifies the 404 of a read by its body. Vault's 404 for a deleted version
// and for a path without "data/" have no list of errors. Their data or warnings identify them.
func Reclassify404(err error, body []byte) error {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok || response.RawError || !errtext.IsProxy404(response) {
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
	case errtext.ContainsText(response, textCASMismatch):
		return ErrConflict
	case errtext.ContainsText(response, textWrappingToken):
		return ErrWrappingToken
	case errtext.ContainsText(response, textBadSecretID), errtext.ContainsText(response, textBadSecretID2), errtext.ContainsText(response, textMissingToken):
		return ErrUnauthenticated
	case errtext.ContainsText(response, textUpgrading), errtext.ContainsText(response, errtext.NeedsHTTPS):
		return ErrUnavailable
	}
	return ErrInvalid
}

func classify403(response *api.ResponseError) error {
	if errtext.ContainsText(response, textInvalidToken) {
		return ErrUnauthenticated
	}
	return ErrPermissionDenied
}

// InvalidToken reports whether Vault refused a request because it does not know the token: it
// expired, was revoked, has no uses left, or was issued before a restart. This is the only
// signal to log in again. A plain denial is not.
func InvalidToken(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && response.StatusCode == http.StatusForbidden && errtext.ContainsText(response, textInvalidToken)
}

// UnknownRole reports whether Vault's Kubernetes method refused a login because there is no such
// role.
func UnknownRole(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && response.StatusCode == http.StatusBadRequest && errtext.ContainsText(response, textUnknownRole)
}

// Denied reports whether Vault refused a request with its own 403 that does not blame the
// token. request is the method and URL, text is Vault's text. OpenBao since 2.6 also answers so
// to an expired token.
func Denied(err error) (request, text string, denied bool) {
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok || response.StatusCode != http.StatusForbidden || response.RawError || !errtext.ContainsText(response, textDenied) || errtext.ContainsText(response, textInvalidToken) {
		return "", "", false
	}
	return response.HTTPMethod + " " + response.URL, strings.Join(response.Errors, "\n"), true
}

// BareDenial reports whether Vault's own 403 says "permission denied" and nothing else. Vault
// answers so to a request without a token, and OpenBao since 2.6 also to an unknown token. For a
// missing right, the text is longer.
func BareDenial(err error) bool {
	_, text, denied := Denied(err)
	return denied && IsBareDenial(text)
}

// IsBareDenial reports whether this is the text of a BareDenial.
func IsBareDenial(text string) bool { return text == textDenied }

// MaybeApplied reports whether Vault may have applied a failed write, or may still apply it:
// there is no complete response, the response is not Vault's own, or it has a status that a
// proxy may send after the write was applied.
func MaybeApplied(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil, refusedLocally(err):
		return false
	case !ok, response.RawError, len(response.Errors) == 0:
		return true
	}
	return ambiguousStatus(response.StatusCode) || errtext.ContainsText(response, textUpgrading)
}

// withoutProxyBody removes the body of a response that is not Vault's: a proxy's body may
// contain the request with its secret.
func withoutProxyBody(response *api.ResponseError) *api.ResponseError {
	if !response.RawError || errtext.ContainsText(response, errtext.NeedsHTTPS) {
		return response
	}
	clean := *response
	clean.Errors = []string{"a response that is not Vault's, omitted"}
	return &clean
}

// refusedLocally reports whether no request was sent, because the client is closed or the input
// is invalid, or whether Vault refused the token and there is no other.
func refusedLocally(err error) bool {
	own, ok := errors.AsType[*Error](err)
	return ok && (errors.Is(own.Kind, ErrClosed) || errors.Is(own.Kind, ErrUnauthenticated) || errors.Is(own.Kind, ErrInvalid) && own.Err == nil)
}

// TooLarge returns the error for a response of more than limit bytes.
func TooLarge(limit int64) error {
	return &Error{Kind: ErrTooLarge, Detail: fmt.Sprintf("more than %d bytes", limit)}
}

// Retryable reports whether a read or a login may succeed when it is sent again.
func Retryable(err error) bool {
	switch {
	case err == nil, refusedLocally(err), errors.Is(err, ErrNotKVv2), errors.Is(err, ErrInvalid), errors.Is(err, ErrTooLarge):
		return false
	case errors.Is(err, context.Canceled), TLSMismatch(err):
		return false
	}
	response, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return true
	}
	return !errtext.ContainsText(response, textSealed) && (ambiguousStatus(response.StatusCode) || errtext.IsProxy404(response) || errtext.ContainsText(response, textUpgrading))
}

// TLSMismatch reports whether the TLS settings do not fit the server's. A retry does not fix
// that.
func TLSMismatch(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	// The server refuses the client's certificate. crypto/tls has no type for this error.
	var alert *net.OpError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &alert) && alert.Op == "remote error"
}

// NeedsHTTPS reports whether an HTTPS server answered a plain HTTP request.
func NeedsHTTPS(err error) bool {
	response, ok := errors.AsType[*api.ResponseError](err)
	return ok && errtext.ContainsText(response, errtext.NeedsHTTPS)
}

// ambiguousStatus reports whether a status leaves open if the request was applied: 412 is a
// standby that is behind, 429 a rate limit, 307 a redirect to a node that is gone, 472 and 473
// are health codes of standbys.
func ambiguousStatus(status int) bool {
	switch status {
	case http.StatusTemporaryRedirect, http.StatusPreconditionFailed, http.StatusTooManyRequests, 472, 473:
		return true
	}
	return status >= 500
}

// KnownTexts returns the texts of Vault with a meaning that text contains, and other in place
// of the rest.
func KnownTexts(text, other string) string {
	var found []string
	for _, known := range []string{
		textCASMismatch, textInvalidToken, textDenied, textNoRoute, textNoNamespace, textSealed, textBadSecretID, textBadSecretID2,
		textWrappingToken, textMissingToken, textUpgrading, errtext.NeedsHTTPS, textNoClusterCA,
	} {
		if strings.Contains(text, known) {
			found = append(found, known)
		}
	}
	return strings.Join(append(found, other), "; ")
}

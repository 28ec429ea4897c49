package vaulterr_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

func response(status int, lines ...string) error {
	return fmt.Errorf("wrapped: %w", &api.ResponseError{StatusCode: status, Errors: lines})
}

var (
	cas       = response(400, "check-and-set parameter did not match the current version")
	invalid   = response(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	denied    = response(403, "1 error occurred:\n\t* permission denied\n\n")
	sealed    = response(503, "Vault is sealed")
	upgrading = response(400, "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period")
)

// TestKind has one row for each response of Vault: its sentinel, and what the client may do.
func TestKind(t *testing.T) {
	for name, tc := range map[string]struct {
		err                           error
		kind                          error
		doubtful, retryable, newLogin bool
	}{
		"success":              {nil, nil, false, false, false},
		"check-and-set":        {cas, vaulterr.ErrConflict, false, false, false},
		"bad request":          {response(400, "no data provided"), vaulterr.ErrInvalid, false, false, false},
		"bad secret id":        {response(400, "invalid role or secret ID"), vaulterr.ErrUnauthenticated, false, false, false},
		"used wrapping token":  {response(400, "wrapping token is not valid or does not exist"), vaulterr.ErrWrappingToken, false, false, false},
		"being upgraded":       {upgrading, vaulterr.ErrUnavailable, true, true, false},
		"HTTP to HTTPS":        {response(400, "Client sent an HTTP request to an HTTPS server."), vaulterr.ErrUnavailable, false, false, false},
		"HTTPS to HTTP":        {fmt.Errorf("get: %w", http.ErrSchemeMismatch), vaulterr.ErrUnavailable, true, false, false},
		"certificate refused":  {&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}, vaulterr.ErrUnavailable, true, false, false},
		"denied":               {denied, vaulterr.ErrPermissionDenied, false, false, false},
		"unknown token":        {invalid, vaulterr.ErrUnauthenticated, false, false, true},
		"absent":               {response(404, []string{}...), vaulterr.ErrNotFound, true, false, false},
		"a hop's text":         {&api.ResponseError{StatusCode: 404, RawError: true, Errors: []string{"404 page not found"}}, vaulterr.ErrUnavailable, true, true, false},
		"a hop's JSON":         {response(404), vaulterr.ErrUnavailable, true, true, false},
		"a hop's refusal":      {&api.ResponseError{StatusCode: 403, RawError: true, Errors: []string{"<html>"}}, vaulterr.ErrPermissionDenied, true, false, false},
		"token is dead":        {&vaulterr.Error{Kind: vaulterr.ErrUnauthenticated}, vaulterr.ErrUnauthenticated, false, false, false},
		"no mount":             {response(404, "no handler for route \"x/\". route entry not found."), vaulterr.ErrMountNotFound, false, false, false},
		"wrong verb":           {response(405, "unsupported operation"), vaulterr.ErrInvalid, false, false, false},
		"standby behind":       {response(412), vaulterr.ErrUnavailable, true, true, false},
		"too large":            {response(413, "too large"), vaulterr.ErrInvalid, false, false, false},
		"rate quota":           {response(429), vaulterr.ErrUnavailable, true, true, false},
		"redirect to nowhere":  {response(307), vaulterr.ErrUnavailable, true, true, false},
		"standby":              {response(473), vaulterr.ErrUnavailable, true, true, false},
		"internal error":       {response(500), vaulterr.ErrUnavailable, true, true, false},
		"bad gateway":          {response(502), vaulterr.ErrUnavailable, true, true, false},
		"sealed":               {sealed, vaulterr.ErrSealed, true, false, false},
		"no answer":            {errors.New("connection reset by peer"), vaulterr.ErrUnavailable, true, true, false},
		"cut answer":           {io.ErrUnexpectedEOF, vaulterr.ErrUnavailable, true, true, false},
		"deadline":             {context.DeadlineExceeded, vaulterr.ErrUnavailable, true, true, false},
		"cancelled":            {context.Canceled, nil, true, false, false},
		"closed":               {&vaulterr.Error{Kind: vaulterr.ErrClosed}, vaulterr.ErrClosed, false, false, false},
		"refused by ourselves": {vaulterr.Invalid("bad"), vaulterr.ErrInvalid, false, false, false},
		"no version":           {&vaulterr.Error{Kind: vaulterr.ErrNotKVv2}, vaulterr.ErrNotKVv2, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := vaulterr.Kind(tc.err); !errors.Is(got, tc.kind) || !errors.Is(tc.kind, got) {
				t.Errorf("Kind = %v, want %v", got, tc.kind)
			}
			if got := vaulterr.MaybeApplied(tc.err); got != tc.doubtful {
				t.Errorf("MaybeApplied = %v, want %v", got, tc.doubtful)
			}
			if got := vaulterr.Retryable(tc.err); got != tc.retryable {
				t.Errorf("Retryable = %v, want %v", got, tc.retryable)
			}
			if got := vaulterr.InvalidToken(tc.err); got != tc.newLogin {
				t.Errorf("InvalidToken = %v, want %v", got, tc.newLogin)
			}
		})
	}
}

// Only Vault's own 404 means that something does not exist.
func TestReclassify404(t *testing.T) {
	for body, want := range map[string]error{
		`{"errors":[]}`: vaulterr.ErrNotFound,
		`{"errors":["1 error occurred:\n\t* unsupported path\n\n"]}`:                                           vaulterr.ErrNotFound,
		`{"errors":["no handler for route \"secret/data/p\". route entry not found."]}`:                        vaulterr.ErrMountNotFound,
		`{"request_id":"r","data":{"data":null,"metadata":{"deletion_time":"t","version":3}},"warnings":null}`: vaulterr.ErrNotFound,
		`{"request_id":"r","data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}`:       vaulterr.ErrNotFound,
		``:                               vaulterr.ErrUnavailable,
		`404 page not found`:             vaulterr.ErrUnavailable,
		`default backend - 404`:          vaulterr.ErrUnavailable,
		`<html>404 Not Found</html>`:     vaulterr.ErrUnavailable,
		`{}`:                             vaulterr.ErrUnavailable,
		`null`:                           vaulterr.ErrUnavailable,
		`[]`:                             vaulterr.ErrUnavailable,
		`{"message":"no Route matched"}`: vaulterr.ErrUnavailable,
		`{"errors":null}`:                vaulterr.ErrUnavailable,
		`{"errors":"not found"}`:         vaulterr.ErrUnavailable,
		`{"errors":[{"code":404}]}`:      vaulterr.ErrUnavailable,
		`{"data":{"metadata":{}}}`:       vaulterr.ErrUnavailable,
		`{"data":{"metadata":{"version":3}},"errors":""}`: vaulterr.ErrUnavailable,
	} {
		err := vaulterr.Reclassify404((&api.Response{Response: &http.Response{
			StatusCode: http.StatusNotFound, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
			Request: &http.Request{URL: &url.URL{Path: "/v1/secret/data/p"}},
		}}).Error(), []byte(body))
		foreign := errors.Is(want, vaulterr.ErrUnavailable)
		if got := vaulterr.Kind(err); !errors.Is(got, want) || vaulterr.Retryable(err) != foreign || foreign && !vaulterr.MaybeApplied(err) {
			t.Errorf("Reclassify404(%s) = %v, Retryable %v, MaybeApplied %v, want %v",
				body, got, vaulterr.Retryable(err), vaulterr.MaybeApplied(err), want)
		}
	}
	refused := response(403)
	if err := vaulterr.Reclassify404(refused, []byte(`{"warnings":["x"]}`)); !errors.Is(err, refused) {
		t.Errorf("Reclassify404(403) = %v, want the same error", err)
	}
}

func TestSentinels_WrapTheMoreGeneralOne(t *testing.T) {
	for fine, coarse := range map[error]error{
		vaulterr.ErrDestroyed: vaulterr.ErrDeleted, vaulterr.ErrSealed: vaulterr.ErrUnavailable, vaulterr.ErrWrappingToken: vaulterr.ErrUnauthenticated,
	} {
		if !errors.Is(fine, coarse) || errors.Is(coarse, fine) {
			t.Errorf("errors.Is(%v, %v) = false, or true the other way round, want true and false", fine, coarse)
		}
	}
}

func TestError_TextSaysWhatWhereAndWhatToDo(t *testing.T) {
	err := vaulterr.WithOp("Rotate", "openai", &vaulterr.Error{Path: "secret/data/x", Kind: vaulterr.ErrPermissionDenied, Capability: "update", Err: denied})
	const want = `vaultkit: Rotate openai: permission denied, capability "update" is missing: at secret/data/x: wrapped: HTTP 403: 1 error occurred: * permission denied; add the capability to the policy of the token's role`
	if err.Error() != want {
		t.Errorf("Error() = %s\nwant %s", err, want)
	}
	nested := vaulterr.WithOp("Rotate", "openai", vaulterr.Undetermined("the-id", "why", err))
	const wantNested = `vaultkit: Rotate openai: outcome undetermined: why: id the-id: permission denied, capability "update" is missing: at secret/data/x: wrapped: HTTP 403: 1 error occurred: * permission denied; recover this provider to find out whether it was applied`
	if nested.Error() != wantNested {
		t.Errorf("Error() = %s\nwant %s", nested, wantNested)
	}
	if vaulterr.WithOp("Rotate", "openai", nil) != nil {
		t.Error("WithOp(nil) is an error, want nil")
	}
	foreign := vaulterr.WithOp("Rotate", "p", errors.New("line one\n\tline two"))
	if strings.ContainsAny(foreign.Error(), "\n\t") {
		t.Errorf("Error() = %q, want one line", foreign)
	}
}

// A proxy's response may contain the request, so neither the text nor the JSON of an error contains it.
func TestError_OmitsAProxysBody(t *testing.T) {
	err := vaulterr.WithOp("Rotate", "p", &api.ResponseError{StatusCode: http.StatusBadGateway, RawError: true, Errors: []string{"canary"}})
	encoded, jsonErr := json.Marshal(err)
	if jsonErr != nil || strings.Contains(err.Error(), "canary") || strings.Contains(string(encoded), "canary") || !strings.Contains(string(encoded), "HTTP 502") {
		t.Errorf("Error() = %v, JSON %s, %v, want no body", err, encoded, jsonErr)
	}
}

// An undetermined outcome must never look like a definite failure.
func TestUndetermined_HidesOtherSentinels(t *testing.T) {
	for _, cause := range []error{vaulterr.ErrConflict, vaulterr.ErrUnavailable, vaulterr.ErrPermissionDenied, vaulterr.ErrClosed, vaulterr.ErrInvalid} {
		inner := &vaulterr.Error{Kind: cause, Err: errors.Join(context.Canceled, cas)}
		err := vaulterr.WithOp("Rotate", "p", vaulterr.Undetermined("id", "", errors.Join(inner, inner)))
		if !errors.Is(err, vaulterr.ErrUndetermined) || errors.Is(err, cause) {
			t.Errorf("Undetermined with the cause %v = %v, want ErrUndetermined alone", cause, err)
		}
		var response *api.ResponseError
		if !errors.As(err, &response) || !errors.Is(err, context.Canceled) {
			t.Errorf("Undetermined with the cause %v = %v, want the response and the context's error in it", cause, err)
		}
	}
}

func TestInterrupted_KeepsBothCauses(t *testing.T) {
	err := vaulterr.Interrupted(&vaulterr.Error{Kind: vaulterr.ErrSealed, Path: "x", Err: sealed}, context.DeadlineExceeded)
	if !errors.Is(err, vaulterr.ErrSealed) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "Vault is sealed") {
		t.Errorf("Interrupted = %v, want ErrSealed, its text and DeadlineExceeded", err)
	}
	if err := vaulterr.Interrupted(nil, context.Canceled); !errors.Is(err, vaulterr.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Interrupted(nil) = %v, want ErrUnavailable and Canceled", err)
	}
	twice := vaulterr.Interrupted(vaulterr.Interrupted(io.EOF, context.Canceled), context.Canceled)
	if strings.Count(twice.Error(), "context canceled") != 1 {
		t.Errorf("Interrupted(Interrupted) = %v, want the cancellation once", twice)
	}
}

// An error that wraps several keeps its own text. A join has none.
func TestWrapperText_OfSeveralCauses(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	for want, cause := range map[string]error{
		"it was one, then two": fmt.Errorf("it was %w, then %w", one, two),
		"one, two":             errors.Join(one, two),
	} {
		if got := (&vaulterr.Error{Err: cause}).Error(); got != "vaultkit: "+want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	}
}

// TestDenied_IsVaultsOwn403: a proxy's 403 may come after the request was applied.
func TestDenied_IsVaultsOwn403(t *testing.T) {
	for name, tc := range map[string]struct {
		response api.ResponseError
		want     bool
	}{
		"Vault":                 {api.ResponseError{StatusCode: 403, Errors: []string{"1 error occurred:\n\t* permission denied\n\n"}}, true},
		"OpenBao, ended token":  {api.ResponseError{StatusCode: 403, Errors: []string{"permission denied"}}, true},
		"Vault, ended token":    {api.ResponseError{StatusCode: 403, Errors: []string{"2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"}}, false},
		"a gateway's JSON":      {api.ResponseError{StatusCode: 403}, false},
		"a gateway's page":      {api.ResponseError{StatusCode: 403, RawError: true, Errors: []string{"<h1>permission denied</h1>"}}, false},
		"JSON of another shape": {api.ResponseError{StatusCode: 403, Errors: []string{"Forbidden"}}, false},
		"another status":        {api.ResponseError{StatusCode: 400, Errors: []string{"permission denied"}}, false},
	} {
		if _, _, got := vaulterr.Denied(&tc.response); got != tc.want {
			t.Errorf("%s: Denied = %t, want %t", name, got, tc.want)
		}
	}
	if _, _, denied := vaulterr.Denied(errors.New("permission denied")); denied {
		t.Error("Denied = true without a response, want false")
	}
}

package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/apiclient"
	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/vaulterr"
)

// roundTrips is the transport of an auth method's client. It records what became of the last
// request to Vault. An auth method also sends requests to others, such as a cloud's token
// service, and fails for reasons of its own. Only its requests to Vault say whether Vault is
// available.
type roundTrips struct {
	next  http.RoundTripper
	login context.Context // ends the requests, whatever context they have

	mu   sync.Mutex
	path string // of the last request
	err  error  // its failure, or errNoResponse while it runs
	body []byte // of the last response with a token
}

var errNoResponse = &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: "Vault has not responded"}

// observedClient returns a client without a token, whose settings and requests are its own, and
// what records those requests.
func observedClient(ctx context.Context, t *transport) (*api.Client, *roundTrips, error) {
	seen := &roundTrips{login: ctx}
	client, err := apiclient.Detach(t.clientWith(""), func(next http.RoundTripper) http.RoundTripper {
		seen.next = next
		return seen
	})
	return client, seen, err
}

// RoundTrip sends the request and reads the whole response.
func (r *roundTrips) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := r.login.Err(); err != nil { // nobody waits for the login
		return nil, err
	}
	r.record(request, errNoResponse, nil)
	ctx, cancel := context.WithCancel(bodylimit.With(request.Context(), maxResponse))
	defer cancel()
	defer context.AfterFunc(r.login, cancel)()
	response, err := r.next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		r.record(request, r.ownEnd(request, err), nil)
		return response, err
	}
	revealFailures(&api.Response{Response: response})
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err == nil {
		response.Body = io.NopCloser(bytes.NewReader(body))
		r.record(request, failureOf(response, body), body)
		return response, nil
	}
	r.record(request, r.ownEnd(request, err), nil)
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failingReader{err}))
	return response, nil
}

// ownEnd returns the error of the request, or nil if the auth method itself canceled it.
func (r *roundTrips) ownEnd(request *http.Request, err error) error {
	if r.login.Err() == nil && errors.Is(request.Context().Err(), context.Canceled) {
		return nil
	}
	return err
}

// failingReader is the rest of a body that could not be read.
type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// failureOf returns the error that the official client returns for the response, or nil.
func failureOf(response *http.Response, body []byte) error {
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		own := *response
		own.Body = io.NopCloser(bytes.NewReader(body))
		return (&api.Response{Response: &own}).Error()
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var content json.RawMessage
	return json.Unmarshal(body, &content)
}

func (r *roundTrips) record(request *http.Request, err error, body []byte) {
	_, path, _ := strings.Cut(request.URL.Path, "/v1/")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.path, r.err = path, err
	if parseExtraAuth(body) != (extraAuth{}) {
		r.body = body
	}
}

// last returns the path of the last request, and the body of the last response with a token.
func (r *roundTrips) last() (path string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.path, r.body
}

// translate converts the error of an auth method. It keeps what Vault and the connection to
// it said, and the end of the login's context. Of everything else it keeps the type only.
func (r *roundTrips) translate(ctx context.Context, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return vaulterr.TransportError(ctx.Err())
	case errors.Is(r.err, errNoResponse) && ctx.Err() != nil:
		return vaulterr.TransportError(ctx.Err())
	case r.err != nil:
		return vaulterr.Sanitize(r.err)
	}
	return failedMethod(err)
}

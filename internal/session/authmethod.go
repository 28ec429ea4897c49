package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// authMethodLogin logs in with an auth method that the program makes.
type authMethodLogin struct {
	label
	make func(context.Context) (api.AuthMethod, error)
}

// AuthMethod logs in with an auth method of the official client's kind. Each login makes
// another one, because those methods read their credentials when they are made.
func AuthMethod(name string, newMethod func(context.Context) (api.AuthMethod, error)) Method {
	return &authMethodLogin{label: label(name), make: newMethod}
}

func (m *authMethodLogin) repeatable() bool { return true }

func (m *authMethodLogin) check() error {
	switch {
	case m.make == nil:
		return vaulterr.Invalid("the function that makes the auth method is nil")
	case strings.TrimSpace(string(m.label)) == "" || strings.ContainsFunc(string(m.label), notPrintable):
		return vaulterr.Invalid("the name of the auth method must be printable text, and not empty")
	}
	return nil
}

func (m *authMethodLogin) login(ctx context.Context, t *transport, _ *lease) (*lease, error) {
	seen := &roundTrips{}
	client := t.clientWith("").WithRequestCallbacks(seen.request).WithResponseCallbacks(revealFailures, seen.response)
	since := time.Now()
	var response *api.Secret
	err := t.doOnce(ctx, func(ctx context.Context) (err error) {
		response, err = m.call(ctx, client)
		return seen.translate(ctx, err)
	})
	if own, ok := errors.AsType[*vaulterr.Error](err); ok {
		return nil, own
	}
	if err != nil {
		return nil, loginError(seen.path, err)
	}
	return newLease(t, seen.path, response, since, seen.body.Bytes())
}

// call makes the auth method and logs in with it.
func (m *authMethodLogin) call(ctx context.Context, client *api.Client) (*api.Secret, error) {
	method, err := m.make(ctx)
	switch {
	case err != nil:
		return nil, err
	case method == nil:
		return nil, errNoMethod
	}
	return method.Login(ctx, client)
}

var errNoMethod = errors.New("the function that makes the auth method returned nil")

// roundTrips records what became of an auth method's requests to Vault. An auth method also
// sends requests to others, such as a cloud's token service, and fails for reasons of its own.
// Only its requests to Vault say whether Vault is available.
type roundTrips struct {
	path    string // of the last request
	waiting bool   // the last request has no response
	status  int    // of the last response
	body    bytes.Buffer
	readErr error // of the last response's body
}

func (r *roundTrips) request(request *api.Request) {
	r.path, r.waiting = strings.TrimPrefix(request.URL.Path, "/v1/"), true
}

func (r *roundTrips) response(response *api.Response) {
	r.waiting, r.status, r.readErr = false, response.StatusCode, nil
	r.body.Reset()
	copyBody(&r.body)(response)
	response.Body = &watchedBody{response.Body, &r.readErr}
}

// watchedBody records the error that ends the body too early.
type watchedBody struct {
	io.ReadCloser
	err *error
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		*b.err = err
	}
	return n, err
}

// translate converts the error of an auth method. It keeps what Vault and the connection to
// it said, and the end of the caller's context. Of everything else it keeps the type only: the
// text may contain a secret.
func (r *roundTrips) translate(ctx context.Context, err error) error {
	response, answered := errors.AsType[*api.ResponseError](err)
	switch {
	case err == nil:
		return nil
	case r.waiting && vaulterr.LostInTransport(err), r.readErr != nil && vaulterr.LostInTransport(err):
		return vaulterr.Sanitize(err)
	case r.waiting, r.readErr != nil:
		return &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Detail: "there is no complete response from Vault"}
	case errors.Is(ctx.Err(), context.Canceled):
		return vaulterr.TransportError(ctx.Err())
	case answered && response.StatusCode == r.status:
		return response
	case r.status >= 400:
		return &api.ResponseError{StatusCode: r.status, Errors: []string{}}
	}
	return failedMethod(err)
}

// failedMethod returns the error of an auth method that failed without Vault.
func failedMethod(err error) error {
	if errors.Is(err, errNoMethod) {
		return vaulterr.Invalid("%v", errNoMethod)
	}
	detail := fmt.Sprintf("the auth method failed, and not because of Vault: an error of type %s, whose text may contain a secret and is not shown", innerType(err))
	if errors.Is(err, context.DeadlineExceeded) {
		detail = "the auth method did not end in time, and did not wait for Vault"
	}
	return &vaulterr.Error{Kind: vaulterr.ErrUnauthenticated, Detail: detail}
}

// innerType returns the type of the first error of the chain that is not a wrapper of the
// standard library.
func innerType(err error) string {
	for {
		name := fmt.Sprintf("%T", err)
		inner := errors.Unwrap(err)
		if inner == nil || !strings.HasPrefix(name, "*fmt.") {
			return name
		}
		err = inner
	}
}

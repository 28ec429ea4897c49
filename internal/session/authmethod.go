package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// authMethodLogin logs in with an auth method that the program makes.
type authMethodLogin struct {
	label
	make    func(context.Context) (api.AuthMethod, error)
	running chan struct{} // holds one value while the program's functions run
}

// AuthMethod logs in with an auth method of the official client's kind. Each login makes
// another one, because those methods read their credentials when they are made.
func AuthMethod(name string, newMethod func(context.Context) (api.AuthMethod, error)) Method {
	return &authMethodLogin{label: label(name), make: newMethod, running: make(chan struct{}, 1)}
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
	var seen *roundTrips
	since := time.Now()
	var response *api.Secret
	err := t.doOnce(ctx, func(ctx context.Context) (err error) {
		if ctx.Err() != nil { // not the auth method's fault
			return vaulterr.TransportError(ctx.Err())
		}
		var client *api.Client
		if client, seen, err = observedClient(ctx, t); err != nil {
			return err
		}
		response, err = m.run(ctx, client)
		return seen.translate(ctx, err)
	})
	if own, ok := errors.AsType[*vaulterr.Error](err); ok {
		return nil, own
	}
	if seen == nil {
		return nil, loginError("", err)
	}
	path, body := seen.last()
	if err != nil {
		return nil, loginError(path, err)
	}
	return newLease(t, path, response, since, body)
}

// run calls the program's functions, which may ignore ctx: some official auth methods do. If ctx
// ends, run does not wait for them. They are never called twice at the same time.
func (m *authMethodLogin) run(ctx context.Context, client *api.Client) (*api.Secret, error) {
	select {
	case m.running <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type result struct {
		response *api.Secret
		err      error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-m.running }()
		response, err := m.call(ctx, client)
		done <- result{response, err}
	}()
	select {
	case ended := <-done:
		return ended.response, ended.err
	case <-ctx.Done():
	}
	select { // ctx may have ended as the login succeeded, whose token must not be lost
	case ended := <-done:
		return ended.response, ended.err
	default:
		return nil, ctx.Err()
	}
}

// call makes the auth method and logs in with it.
func (m *authMethodLogin) call(ctx context.Context, client *api.Client) (*api.Secret, error) {
	method, err := m.make(ctx)
	switch {
	case err != nil:
		return nil, err
	case isNil(method):
		return nil, errNoMethod
	}
	return method.Login(ctx, client)
}

// isNil reports whether the method is nil or a nil pointer.
func isNil(method api.AuthMethod) bool {
	value := reflect.ValueOf(method)
	return method == nil || value.Kind() == reflect.Pointer && value.IsNil()
}

var errNoMethod = errors.New("the function that makes the auth method returned nil")

// failedMethod returns the error of an auth method that failed without a failed request to
// Vault. It names the error's type only: the text may contain a secret.
func failedMethod(err error) error {
	failure := &vaulterr.Error{Kind: vaulterr.ErrUnauthenticated}
	switch {
	case errors.Is(err, errNoMethod):
		return vaulterr.Invalid("%v", errNoMethod)
	case errors.Is(err, context.DeadlineExceeded):
		failure.Detail, failure.Err = "the auth method did not end in time, and was not waiting for Vault", vaulterr.TransportError(context.DeadlineExceeded)
	default:
		failure.Detail = fmt.Sprintf("the auth method failed, and not at a request to Vault; its error, of type %s, is not shown because it may contain a secret", innerType(err))
	}
	return failure
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

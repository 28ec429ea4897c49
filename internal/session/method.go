package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// Method is a way to get a token: [Token], [AppRole], [Kubernetes], [JWT], [AuthMethod] or
// [ProxyLogin]. It prints its kind and the origin of its credentials, never their content.
type Method interface {
	String() string
	// check returns an error if the settings can never work. It sends no request.
	check() error
	// login returns a new token's lease. previous is the lease it replaces, or nil.
	login(ctx context.Context, t *transport, previous *lease) (*lease, error)
	// repeatable reports whether another login can return another token.
	repeatable() bool
}

// authHelper is implemented by the official client's auth methods.
type authHelper interface {
	Login(ctx context.Context, client *api.Client) (*api.Secret, error)
}

// loginWith logs in with an official auth method, using a client without a token.
func loginWith(ctx context.Context, t *transport, path string, helper authHelper) (*lease, error) {
	var body bytes.Buffer
	client := t.clientWith("").WithResponseCallbacks(revealFailures, copyBody(&body))
	since := time.Now()
	var response *api.Secret
	err := t.doOnce(ctx, func(ctx context.Context) (err error) {
		response, err = helper.Login(ctx, client)
		return err
	})
	if err != nil {
		return nil, loginError(path, err)
	}
	return newLease(t, path, response, since, body.Bytes())
}

// copyBody copies the response body while it is read. The official client's types leave
// out some of its fields.
func copyBody(into *bytes.Buffer) api.ResponseCallback {
	return func(response *api.Response) {
		body := response.Body
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(body, into), body}
	}
}

func refusedError(path, detail string) error {
	return &vaulterr.Error{Op: "login", Path: path, Kind: vaulterr.ErrUnauthenticated, Detail: detail}
}

// loginError converts the error of a login request. Vault refuses logins with several
// statuses (400, 403, 404 for an unknown role); all of them become ErrUnauthenticated.
func loginError(path string, err error) error {
	failure := &vaulterr.Error{Op: "login", Path: path, Kind: vaulterr.Kind(err), Err: err}
	switch own, named := errors.AsType[*vaulterr.Error](err); {
	case named && vaulterr.NamespaceNotFound(err):
		failure.Detail, failure.Hint, failure.Err = own.Detail, own.Hint, own.Err
	case failure.Kind == nil, errors.Is(failure.Kind, vaulterr.ErrUnavailable):
	case errors.Is(failure.Kind, vaulterr.ErrMountNotFound):
		failure.Hint = "check the name of the auth mount and that the auth method is enabled there"
	case errors.Is(failure.Kind, vaulterr.ErrPermissionDenied):
		// Vault answers the same for a mount that does not exist.
		failure.Kind = vaulterr.ErrUnauthenticated
		failure.Hint = "check the auth mount's name and the credentials; for Kubernetes, also check that Vault can reach the cluster"
	case !errors.Is(failure.Kind, vaulterr.ErrUnauthenticated):
		failure.Kind = vaulterr.ErrUnauthenticated
	}
	return failure
}

// validMount matches one or more safe path segments. The official client joins paths, so
// anything else could reach another endpoint.
var validMount = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

func checkMount(mount string) error {
	if !validMount.MatchString(mount) {
		return vaulterr.Invalid("%q is not a valid name of an auth mount", mount)
	}
	return nil
}

// mountOrDefault returns the mount without leading and trailing slashes, or the default if
// it is empty.
func mountOrDefault(mount, otherwise string) string {
	if mount = strings.Trim(mount, "/"); mount == "" {
		return otherwise
	}
	return mount
}

// checkCredential returns an error if the credential is missing, or wrapped where it must
// not be.
func checkCredential(what string, c Credential, mayWrap bool) error {
	switch {
	case c.read == nil:
		return vaulterr.Invalid("no %s given", what)
	case c.wrapped && !mayWrap:
		return vaulterr.Invalid("the %s cannot be wrapped: only a secret id can", what)
	}
	return nil
}

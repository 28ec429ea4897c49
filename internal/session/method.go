package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// Method is a way to get a token: [Token], [AppRole] or [Kubernetes]. It prints
// as what it is and where its credentials come from, never as their content.
type Method interface {
	String() string
	// check refuses what can never work, before any request.
	check() error
	// login gets a token. previous is the one it replaces, nil at the start.
	login(ctx context.Context, t *transport, previous *lease) (*lease, error)
	// repeatable says whether another login can give another token.
	repeatable() bool
}

// lease is one token as a login gave it. But for served it is never changed: a
// renewal moves the keeper's view of its end, another login makes another lease.
type lease struct {
	client      *api.Client // the snapshot that carries the token
	accessor    string
	policies    []string
	ttl         time.Duration // 0: no end, or none known
	since       time.Time     // when the TTL began at the latest
	renewable   bool
	usesLimited bool // the token has a limited number of uses
	fromLogin   bool // by this session, which therefore revokes it
	batch       bool // it cannot be revoked
	lookedUp    bool // the token has looked itself up

	served atomic.Bool // a request with the token has succeeded
}

// loginer is what the official login helpers have in common.
type authHelper interface {
	Login(ctx context.Context, client *api.Client) (*api.Secret, error)
}

// exchange logs in with an official helper, over a client without a token.
func loginWith(ctx context.Context, t *transport, path string, helper authHelper) (*lease, error) {
	var body bytes.Buffer
	client := t.clientWith("").WithResponseCallbacks(revealFailures, copyBody(&body))
	since := time.Now()
	var answer *api.Secret
	err := t.doOnce(ctx, func(ctx context.Context) (err error) {
		answer, err = helper.Login(ctx, client)
		return err
	})
	if err != nil {
		return nil, loginError(path, err)
	}
	return newLease(t, path, answer, since, body.Bytes())
}

func newLease(t *transport, path string, answer *api.Secret, since time.Time, body []byte) (*lease, error) {
	switch {
	case answer == nil || answer.Auth == nil:
		return nil, refusedError(path, "the answer to the login holds no token")
	case answer.Auth.ClientToken == "" && answer.Auth.MFARequirement != nil:
		return nil, refusedError(path, "the login asks for a second factor, which a program cannot give")
	case answer.Auth.ClientToken == "":
		return nil, refusedError(path, "the answer to the login holds no token")
	}
	more := parseExtraAuth(body)
	return &lease{
		client:      t.clientWith(answer.Auth.ClientToken),
		accessor:    answer.Auth.Accessor,
		policies:    answer.Auth.Policies,
		ttl:         time.Duration(answer.Auth.LeaseDuration) * time.Second,
		since:       since,
		renewable:   answer.Auth.Renewable,
		usesLimited: more.NumUses > 0,
		fromLogin:   true,
		batch:       more.TokenType == "batch",
	}, nil
}

// copyBody keeps a copy of the answer's body as it is read: not all of it is in the
// official client's types.
func copyBody(into *bytes.Buffer) api.ResponseCallback {
	return func(answer *api.Response) {
		body := answer.Body
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(body, into), body}
	}
}

// moreAuth is what the official client's types leave out of a login's answer.
type extraAuth struct {
	NumUses   int    `json:"num_uses"`
	TokenType string `json:"token_type"`
}

func parseExtraAuth(body []byte) extraAuth {
	var answer struct {
		Auth extraAuth `json:"auth"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return extraAuth{}
	}
	return answer.Auth
}

func refusedError(path, detail string) error {
	return &vaulterr.Error{Op: "login", Path: path, Kind: vaulterr.ErrUnauthenticated, Detail: detail}
}

// loginError is a failed request of a login as an *Error. Whatever Vault says
// to refuse one (400, 403, even 404 for a role) means the same: not logged in.
func loginError(path string, err error) error {
	failure := &vaulterr.Error{Op: "login", Path: path, Kind: vaulterr.Kind(err), Err: err}
	switch {
	case failure.Kind == nil, errors.Is(failure.Kind, vaulterr.ErrUnavailable):
	case errors.Is(failure.Kind, vaulterr.ErrMountNotFound):
		failure.Hint = "check the name of the auth mount, and that the method is enabled there"
	case errors.Is(failure.Kind, vaulterr.ErrPermissionDenied):
		// Vault says the same of a mount that does not exist.
		failure.Kind = vaulterr.ErrUnauthenticated
		failure.Hint = "check that the auth mount exists, and the login's credentials; for Kubernetes also that Vault can reach the cluster"
	case !errors.Is(failure.Kind, vaulterr.ErrUnauthenticated):
		failure.Kind = vaulterr.ErrUnauthenticated
	}
	return failure
}

// mountName is one or more safe segments: the official client joins paths, so
// that anything else could reach another endpoint.
var validMount = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

func checkMount(mount string) error {
	if !validMount.MatchString(mount) {
		return vaulterr.Invalid("auth mount %q is not a mount's name", mount)
	}
	return nil
}

// mountOr is the mount without the slashes around it, or the default.
func mountOrDefault(mount, otherwise string) string {
	if mount = strings.Trim(mount, "/"); mount == "" {
		return otherwise
	}
	return mount
}

// checkCredential refuses a missing one, and a wrapped one where that has no
// meaning.
func checkCredential(what string, c Credential, mayWrap bool) error {
	switch {
	case c.read == nil:
		return vaulterr.Invalid("no %s given", what)
	case c.wrapped && !mayWrap:
		return vaulterr.Invalid("the %s cannot be a wrapped one; only a secret id can", what)
	}
	return nil
}

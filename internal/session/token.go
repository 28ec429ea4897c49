package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

const lookupSelf = "auth/token/lookup-self"

// errSameToken means that a static token's source still has the token that Vault refused
// or that nears expiry.
var errSameToken = errors.New("unchanged since the last login")

// tokenLogin is a static token, which was created elsewhere.
type tokenLogin struct {
	label
	source Credential
}

// Token uses an existing token. A later login reads the source again. A literal value
// cannot change, so the session ends with the token. Token looks the token up once at the
// start, which costs one use of a token with limited uses.
func Token(source Credential) Method {
	return &tokenLogin{label: "token from " + source.label, source: source}
}

func (m *tokenLogin) check() error { return checkCredential("token", m.source, false) }

func (m *tokenLogin) repeatable() bool { return !m.source.literal }

func (m *tokenLogin) login(ctx context.Context, t *transport, previous *lease) (*lease, error) {
	token, err := m.source.secret(ctx)
	if err != nil {
		return nil, err
	}
	if previous != nil && previous.client.Token() == token {
		return nil, m.unchangedError()
	}
	held := &lease{client: t.clientWith(token), since: time.Now()}
	var response *api.Secret
	err = t.doOnce(ctx, func(ctx context.Context) (err error) {
		response, err = held.client.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
	switch {
	case err == nil:
		held.lookedUp = true
		held.describe(response)
	case t.isUnknown(ctx, held.client, err):
		return nil, m.unknownTokenError(err)
	case !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied):
		return nil, loginError(lookupSelf, err)
	}
	// The token has no right to look itself up, so its end is unknown.
	return held, nil
}

func (m *tokenLogin) unchangedError() error {
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: errSameToken,
		Detail: fmt.Sprintf("the token from %s was refused or is about to expire", m.source),
		Hint:   "replace the token, or log in with AppRole or Kubernetes, which get new tokens themselves",
	}
}

func (m *tokenLogin) unknownTokenError(err error) error {
	return &vaulterr.Error{
		Op: "login", Path: lookupSelf, Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: fmt.Sprintf("Vault does not know the token from %s: it expired, was revoked, or belongs to another server", m.source),
	}
}

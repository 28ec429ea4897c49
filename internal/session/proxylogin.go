package session

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// proxyLogin sends requests without a token.
type proxyLogin struct{ label }

// ProxyLogin leaves the login to a Vault Agent or Proxy at the address, which adds its own token
// to each request. That token is neither renewed nor revoked.
func ProxyLogin() Method { return proxyLogin{"none: the proxy at the address adds the token"} }

// repeatable is true: the proxy replaces a token that has ended.
func (proxyLogin) repeatable() bool { return true }

func (proxyLogin) check() error { return nil }

// login checks that the proxy adds a token.
func (proxyLogin) login(ctx context.Context, t *transport, _ *lease) (*lease, error) {
	held := &lease{client: t.clientWith(""), since: time.Now()}
	var response *api.Secret
	err := t.doOnce(ctx, func(ctx context.Context) (err error) {
		response, err = held.client.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
	switch kind := vaulterr.Kind(err); {
	case err == nil:
		held.lookedUp = true
		held.describe(response)
		held.ttl, held.renewable = 0, false // the proxy renews and replaces its token
	case errors.Is(kind, vaulterr.ErrUnauthenticated), vaulterr.BareDenial(err):
		return nil, noProxyTokenError(err)
	case !errors.Is(kind, vaulterr.ErrPermissionDenied):
		return nil, loginError(lookupSelf, err)
	}
	// The token has no right to look itself up.
	return held, nil
}

func noProxyTokenError(err error) error {
	return &vaulterr.Error{
		Op: "login", Path: lookupSelf, Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: "the requests have no valid token: the Vault Agent or Proxy at the address has not logged in yet, or nothing there adds a token",
		Hint: "look in the log of the Agent or Proxy for the login of its auto_auth, and for use_auto_auth_token in its api_proxy; " +
			"if there is none at the address, choose a login",
	}
}

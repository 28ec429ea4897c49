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

// errSameToken: the source of a bare token was read again and still holds the
// one that Vault refused or that is about to end.
var errSameToken = errors.New("unchanged since the last login")

// bareToken is a token somebody else made.
type tokenLogin struct {
	label
	source Credential
}

// Token uses a token made elsewhere. To log in again is to read its source
// again; a literal value cannot change, so its end is the session's end. The
// token is looked up once at the start, which costs one use of a limited one.
func Token(source Credential) Method {
	return &tokenLogin{label: "token from " + source.label, source: source}
}

func (m *tokenLogin) check() error     { return checkCredential("token", m.source, false) }
func (m *tokenLogin) repeatable() bool { return !m.source.literal }

func (m *tokenLogin) login(ctx context.Context, t *transport, previous *lease) (*lease, error) {
	token, err := m.source.secret()
	if err != nil {
		return nil, err
	}
	if previous != nil && previous.client.Token() == token {
		return nil, m.unchangedError()
	}
	held := &lease{client: t.clientWith(token), since: time.Now()}
	var answer *api.Secret
	err = t.doOnce(ctx, func(ctx context.Context) (err error) {
		answer, err = held.client.Auth().Token().LookupSelfWithContext(ctx)
		return err
	})
	switch {
	case err == nil:
		held.lookedUp = true
		held.describe(answer)
	case vaulterr.InvalidToken(err):
		return nil, m.unknownTokenError(err)
	case !errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied):
		return nil, loginError(lookupSelf, err)
	}
	// A plain denial: the token may not look at itself, so its end is unknown.
	return held, nil
}

// describe fills in what Vault says of the token. What it leaves out stays
// unknown, which only costs the renewals.
func (l *lease) describe(answer *api.Secret) {
	if answer == nil {
		return
	}
	l.accessor, _ = answer.TokenAccessor()
	l.policies, _ = answer.TokenPolicies()
	l.ttl, _ = answer.TokenTTL()
	l.renewable, _ = answer.TokenIsRenewable()
	uses, _ := answer.TokenRemainingUses()
	l.usesLimited = uses > 0
}

func (m *tokenLogin) unchangedError() error {
	return &vaulterr.Error{
		Op: "login", Kind: vaulterr.ErrUnauthenticated, Err: errSameToken,
		Detail: fmt.Sprintf("the token from %s is refused or about to end", m.source),
		Hint:   "put a new token there, or use a login that can be repeated (AppRole, Kubernetes)",
	}
}

func (m *tokenLogin) unknownTokenError(err error) error {
	return &vaulterr.Error{
		Op: "login", Path: lookupSelf, Kind: vaulterr.ErrUnauthenticated, Err: err,
		Detail: fmt.Sprintf("Vault does not know the token from %s: expired, revoked, or of another server", m.source),
	}
}

package session

import (
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"
)

// lease is a token and what Vault said about it at login. Only served changes later. A
// renewal updates the renewer's leaseState, and another login makes another lease.
type lease struct {
	client      *api.Client // sends the token
	accessor    string
	policies    []string
	ttl         time.Duration // 0: no end, or unknown
	since       time.Time     // when the token was requested
	renewable   bool
	usesLimited bool // the token has a limited number of uses
	fromLogin   bool // the session logged in to get it, and revokes it in Close
	batch       bool // a batch token, which cannot be revoked
	lookedUp    bool // the token has looked itself up

	served atomic.Bool // a request with the token has succeeded
}

func newLease(t *transport, path string, response *api.Secret, since time.Time, body []byte) (*lease, error) {
	switch {
	case response == nil || response.Auth == nil:
		return nil, refusedError(path, "the response to the login has no token")
	case response.Auth.ClientToken == "" && response.Auth.MFARequirement != nil:
		return nil, refusedError(path, "the login requires multi-factor authentication, which vaultkit does not support")
	case response.Auth.ClientToken == "":
		return nil, refusedError(path, "the response to the login has no token")
	}
	more := parseExtraAuth(body)
	return &lease{
		client:      t.clientWith(response.Auth.ClientToken),
		accessor:    response.Auth.Accessor,
		policies:    response.Auth.Policies,
		ttl:         time.Duration(response.Auth.LeaseDuration) * time.Second,
		since:       since,
		renewable:   response.Auth.Renewable,
		usesLimited: more.NumUses > 0,
		fromLogin:   true,
		batch:       more.TokenType == "batch",
	}, nil
}

// extraAuth holds the fields of a login's response that the official client's types leave
// out.
type extraAuth struct {
	NumUses   int    `json:"num_uses"`
	TokenType string `json:"token_type"`
}

func parseExtraAuth(body []byte) extraAuth {
	var response struct {
		Auth extraAuth `json:"auth"`
	}
	if json.Unmarshal(body, &response) != nil {
		return extraAuth{}
	}
	return response.Auth
}

// young reports whether some of Vault's nodes may not know the token yet. Tokens with
// limited uses end soon anyway, and a static token costs no login; neither counts as
// young.
func (l *lease) young(age time.Duration) bool {
	return l.fromLogin && !l.usesLimited && time.Since(l.since) < age
}

// describe copies the token's properties. A missing property stays unknown, so the token
// is not renewed.
func (l *lease) describe(response *api.Secret) {
	if response == nil {
		return
	}
	l.accessor, _ = response.TokenAccessor()
	l.policies, _ = response.TokenPolicies()
	l.ttl, _ = response.TokenTTL()
	l.renewable, _ = response.TokenIsRenewable()
	uses, _ := response.TokenRemainingUses()
	l.usesLimited = uses > 0
}

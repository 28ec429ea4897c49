package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"sync"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"

	"goblin/vaultkit/internal/vaulterr"
)

type appRoleLogin struct {
	label
	mount            string
	roleID, secretID Credential

	mu        sync.Mutex // guards unwrapped, and is never held across a request
	unwrapped *unwrapped
}

// unwrapped is what became of a wrapping token that was sent to be unwrapped.
// Either a secret id or an error, for good: it is never sent twice.
type unwrapped struct {
	token, secretID string
	err             error
}

// AppRole logs in with a role id and a secret id, which are read at each login.
// A [Wrapped] secret id is unwrapped once, after a look at where the wrapping
// token was made. The default mount is "approle".
func AppRole(mount string, roleID, secretID Credential) Method {
	m := &appRoleLogin{mount: mountOrDefault(mount, "approle"), roleID: roleID, secretID: secretID}
	m.label = label(fmt.Sprintf("approle at auth/%s, role id from %s, secret id from %s", m.mount, roleID, secretID))
	return m
}

func (m *appRoleLogin) repeatable() bool { return true }

func (m *appRoleLogin) check() error {
	return cmp.Or(
		checkMount(m.mount),
		checkCredential("role id", m.roleID, false),
		checkCredential("secret id", m.secretID, true))
}

func (m *appRoleLogin) login(ctx context.Context, t *transport, _ *lease) (*lease, error) {
	roleID, err := m.roleID.secret()
	if err != nil {
		return nil, err
	}
	secretID, err := m.currentSecretID(ctx, t)
	if err != nil {
		return nil, err
	}
	helper, err := approle.NewAppRoleAuth(roleID,
		&approle.SecretID{FromString: secretID}, approle.WithMountPath(m.mount))
	if err != nil {
		return nil, &vaulterr.Error{Op: "login", Kind: vaulterr.ErrInvalid, Err: err}
	}
	return loginWith(ctx, t, "auth/"+m.mount+"/login", helper)
}

// currentSecretID reads the secret id. Of a wrapped one it keeps what it got:
// the source may be gone after its delivery, but a new wrapping token there is
// a new delivery.
func (m *appRoleLogin) currentSecretID(ctx context.Context, t *transport) (string, error) {
	text, err := m.secretID.secret()
	if !m.secretID.wrapped {
		return text, err
	}
	known := m.lastUnwrapped()
	switch {
	case known != nil && (err != nil || known.token == text):
		return known.secretID, known.err
	case err != nil:
		return "", err
	}
	return m.unwrap(ctx, t, text)
}

func (m *appRoleLogin) lastUnwrapped() *unwrapped {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unwrapped
}

func (m *appRoleLogin) setUnwrapped(token, secretID string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unwrapped = &unwrapped{token: token, secretID: secretID, err: err}
}

const (
	wrappingLookup = "sys/wrapping/lookup"
	wrappingUnwrap = "sys/wrapping/unwrap"
)

// unwrap trades the wrapping token for the secret id in it.
func (m *appRoleLogin) unwrap(ctx context.Context, t *transport, token string) (string, error) {
	if err := m.checkOrigin(ctx, t, token); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil { // nothing is lost yet
		return "", loginError(wrappingUnwrap, err)
	}
	answer, err := write(ctx, t, token, wrappingUnwrap, nil)
	if notSent(err) {
		return "", loginError(wrappingUnwrap, err)
	}
	secretID, err := m.secretIDFrom(answer, err)
	m.setUnwrapped(token, secretID, err)
	return secretID, err
}

// inspect refuses a wrapping token that does not come from this mount's
// secret-id endpoint, without using it up: whoever intercepted a delivery could
// have put in a wrapping token of their own.
func (m *appRoleLogin) checkOrigin(ctx context.Context, t *transport, token string) error {
	answer, err := write(ctx, t, "", wrappingLookup, map[string]any{"token": token})
	if err != nil {
		return loginError(wrappingLookup, err)
	}
	var made string
	if answer != nil {
		made, _ = answer.Data["creation_path"].(string)
	}
	expected := "auth/" + m.mount + "/role/<role>/secret-id"
	if !regexp.MustCompile(`^auth/` + regexp.QuoteMeta(m.mount) + `/role/[^/]+/secret-id$`).MatchString(made) {
		return &vaulterr.Error{
			Op: "login", Path: wrappingLookup, Kind: vaulterr.ErrWrappingToken,
			Detail: fmt.Sprintf("it was made at %q, not at %s", made, expected),
			Hint:   "somebody may have put their own in its place: issue a new one and find out",
		}
	}
	return nil
}

// contentOf is the outcome of unwrapping. A lost answer is final too: the token
// may be used up, and sending it again would look like a theft.
func (m *appRoleLogin) secretIDFrom(answer *api.Secret, err error) (string, error) {
	failure := &vaulterr.Error{Op: "login", Path: wrappingUnwrap, Kind: vaulterr.ErrWrappingToken, Err: err}
	if err == nil && answer != nil {
		if secretID, _ := answer.Data["secret_id"].(string); secretID != "" {
			return secretID, nil
		}
		failure.Detail = "there was no secret id in it"
		return "", failure
	}
	if vaulterr.Doubtful(err) {
		failure.Detail = "the answer to unwrapping was lost, so the secret id is too"
		failure.Hint = "issue a new wrapped secret id"
	}
	return "", failure
}

// notSent reports a request that never left, so that it may be sent again.
func notSent(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

func write(ctx context.Context, t *transport, token, path string, data map[string]any) (answer *api.Secret, err error) {
	client := t.clientWith(token)
	err = t.doOnce(ctx, func(ctx context.Context) (err error) {
		answer, err = client.Logical().WriteWithContext(ctx, path, data)
		return err
	})
	return answer, err
}

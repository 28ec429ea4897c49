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

	mu        sync.Mutex // guards unwrapped; never held during a request
	unwrapped *unwrapped
}

// unwrapped is the result of unwrapping a token: a secret id or an error. It is final,
// because the token is never sent twice.
type unwrapped struct {
	token, secretID string
	err             error
}

// AppRole logs in with a role id and a secret id. Each login reads both again. A [Wrapped]
// secret id is unwrapped once, after a check of where the wrapping token was created. The
// default mount is "approle".
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
	roleID, err := m.roleID.secret(ctx)
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

// currentSecretID reads the secret id. It keeps an unwrapped one, because the file may be
// deleted after delivery. A different wrapping token is a new delivery.
func (m *appRoleLogin) currentSecretID(ctx context.Context, t *transport) (string, error) {
	text, err := m.secretID.secret(ctx)
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

// unwrap exchanges the wrapping token for its secret id.
func (m *appRoleLogin) unwrap(ctx context.Context, t *transport, token string) (string, error) {
	if err := m.checkOrigin(ctx, t, token); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil { // the wrapping token is still unused
		return "", loginError(wrappingUnwrap, err)
	}
	response, err := write(ctx, t, token, wrappingUnwrap, nil)
	if notSent(err) {
		return "", loginError(wrappingUnwrap, err)
	}
	secretID, err := m.secretIDFrom(response, err)
	m.setUnwrapped(token, secretID, err)
	return secretID, err
}

// checkOrigin returns an error if the wrapping token was not created by this mount's
// secret-id endpoint. It does not use the token up. An attacker who intercepts a delivery
// could replace it by a wrapping token of their own.
func (m *appRoleLogin) checkOrigin(ctx context.Context, t *transport, token string) error {
	response, err := write(ctx, t, "", wrappingLookup, map[string]any{"token": token})
	if err != nil {
		return loginError(wrappingLookup, err)
	}
	var created string
	if response != nil {
		created, _ = response.Data["creation_path"].(string)
	}
	expected := "auth/" + m.mount + "/role/<role>/secret-id"
	if !regexp.MustCompile(`^auth/` + regexp.QuoteMeta(m.mount) + `/role/[^/]+/secret-id$`).MatchString(created) {
		return &vaulterr.Error{
			Op: "login", Path: wrappingLookup, Kind: vaulterr.ErrWrappingToken,
			Detail: fmt.Sprintf("it was created at %q, not at %s", created, expected),
			Hint:   "an attacker may have replaced it: issue a new one and investigate",
		}
	}
	return nil
}

// secretIDFrom returns the result of an unwrap. A lost response is final too: the token
// may be used up, and sending it again would look like a theft.
func (m *appRoleLogin) secretIDFrom(response *api.Secret, err error) (string, error) {
	failure := &vaulterr.Error{Op: "login", Path: wrappingUnwrap, Kind: vaulterr.ErrWrappingToken, Err: err}
	if err == nil && response != nil {
		if secretID, _ := response.Data["secret_id"].(string); secretID != "" {
			return secretID, nil
		}
		failure.Detail = "it contains no secret id"
		return "", failure
	}
	if vaulterr.MaybeApplied(err) {
		failure.Detail = "the response to the unwrap was lost, and the secret id with it"
		failure.Hint = "make a new wrapped secret id: vaultkit setup --approle ROLE --new-secret-id"
	}
	return "", failure
}

// notSent reports whether the request was not sent, so that it may be sent again.
func notSent(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

func write(ctx context.Context, t *transport, token, path string, data map[string]any) (response *api.Secret, err error) {
	client := t.clientWith(token)
	err = t.doOnce(ctx, func(ctx context.Context) (err error) {
		response, err = client.Logical().WriteWithContext(ctx, path, data)
		return err
	})
	return response, err
}

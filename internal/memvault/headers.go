package memvault

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// decodeHeaders reads the headers that change what a request does, and refuses those that
// Vault refuses.
func decodeHeaders(r *logical.Request) (err error) {
	if r.Wrap, err = wrapTTL(r.Headers); err != nil {
		return err
	}
	if r.Headers.Get("X-Vault-Wrap-Format") == "jwt" && r.Wrap > 0 {
		return logical.Unsupported("the value jwt of the header X-Vault-Wrap-Format")
	}
	for _, value := range r.Headers.Values("X-Vault-Mfa") {
		method, code, found := strings.Cut(value, ":")
		if found && method == "" {
			return logical.Refuse(`failed to parse X-Vault-MFA header: invalid data in header "X-Vault-MFA"; missing method name or ID`)
		}
		if found && code == "" {
			return logical.Refuse(`failed to parse X-Vault-MFA header: invalid data in header "X-Vault-MFA"; missing method value`)
		}
	}
	if _, err := field.Bool.Convert(r.Headers.Get("X-Vault-Policy-Override")); err != nil {
		return logical.Refuse("failed to parse X-Vault-Policy-Override header: %s", err)
	}
	return nil
}

func wrapTTL(headers http.Header) (time.Duration, error) {
	const name = "X-Vault-Wrap-TTL"
	ttl, err := field.ParseDuration(headers.Get(name))
	if err == nil && ttl < 0 {
		err = errors.New("requested wrap ttl cannot be negative")
	}
	if err != nil {
		return 0, logical.Refuse("error parsing %s header: %s", name, err)
	}
	return ttl, nil
}

// refuseForwarding refuses the headers that ask for the active node.
func refuseForwarding(headers http.Header) error {
	const forward, inconsistent = "X-Vault-Forward", "X-Vault-Inconsistent"
	switch {
	case headers.Get(forward) != "":
		return logical.Refuse("forwarding via header %s disabled in configuration", forward)
	case headers.Get(inconsistent) == "forward-active-node":
		return logical.Refuse("forwarding via header %s=forward-active-node disabled in configuration", inconsistent)
	default:
		return nil
	}
}

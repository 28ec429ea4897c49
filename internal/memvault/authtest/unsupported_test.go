package authtest_test

import (
	"strings"
	"testing"

	"goblin/vaultkit/internal/memvault/authtest"
)

// What the real Vault honours and the in-process one does not is refused by its name, never
// ignored.
func TestUnsupportedParameters_AreRefusedByName(t *testing.T) {
	w := authtest.NewWorld(t)
	w.Ours(authtest.Call{Method: "POST", Path: "sys/auth/jwt", Body: fields{"type": "jwt"}}.Below(""))
	for _, c := range []struct {
		path, name string
		value      any
	}{
		{"auth/approle/role/r", "local_secret_ids", true},
		{"auth/approle/role/r", "secret_id_bound_cidrs", "10.0.0.0/8"},
		{"auth/approle/role/r", "bound_cidr_list", "10.0.0.0/8"},
		{"auth/approle/role/r", "token_bound_cidrs", "10.0.0.0/8"},
		{"auth/approle/role/r/secret-id", "cidr_list", "10.0.0.0/8"},
		{"auth/approle/role/r/secret-id", "token_bound_cidrs", "10.0.0.0/8"},
		{"auth/approle/role/r/token-ttl", "auth/approle/role/r/token-ttl", 5},
		{"auth/jwt/config", "oidc_discovery_url", "https://x.invalid"},
		{"auth/jwt/config", "oidc_client_id", "x"},
		{"auth/jwt/config", "jwks_url", "https://x.invalid"},
		{"auth/jwt/config", "jwks_pairs", []any{"x"}},
		{"auth/jwt/config", "provider_config", fields{"provider": "azure"}},
		{"auth/jwt/role/r", "groups_claim", "groups"},
		{"auth/jwt/role/r", "user_claim_json_pointer", true},
		{"auth/jwt/role/r", "allowed_redirect_uris", "https://x.invalid"},
		{"auth/jwt/role/r", "verbose_oidc_logging", true},
		{"auth/jwt/role/r", "token_bound_cidrs", "10.0.0.0/8"},
		{"auth/jwt/login", "distributed_claim_access_token", "x"},
		{"auth/jwt/oidc/auth_url", "logins by OIDC", "x"},
		{"auth/kubernetes/config", "pem_keys", "x"},
		{"auth/kubernetes/config", "use_annotations_as_alias_metadata", true},
		{"auth/kubernetes/role/r", "bound_service_account_namespace_selector", "{}"},
		{"auth/kubernetes/role/r", "token_bound_cidrs", "10.0.0.0/8"},
		{"auth/token/roles/r", "roles of tokens", 5},
		{"sys/auth/oidc", "the auth method oidc", nil},
	} {
		body := fields{c.name: c.value}
		if c.path == "sys/auth/oidc" {
			body = fields{"type": "oidc"}
		}
		answer := w.Ours(authtest.Call{Method: "POST", Path: c.path, Body: body}.Below(""))
		if text := answer.String(); answer.Status != 400 || !strings.Contains(text, "memvault does not support") || !strings.Contains(text, c.name) {
			t.Errorf("POST %s with %s = %s, want a refusal that names it", c.path, c.name, text)
		}
	}
}

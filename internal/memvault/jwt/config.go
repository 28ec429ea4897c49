package jwt

import (
	"crypto"
	"fmt"
	"maps"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// config is what verifies all JWTs of a mount.
type config struct {
	keyTexts    []string
	keys        []crypto.PublicKey
	algorithms  []string
	issuer      string
	defaultRole string
}

var configFields = fields{
	"jwt_validation_pubkeys": field.Strings, "jwt_supported_algs": field.Strings, "bound_issuer": field.String, "default_role": field.String,
	"oidc_discovery_url": field.Unsupported, "oidc_discovery_ca_pem": field.Unsupported, "oidc_client_id": field.Unsupported,
	"oidc_client_secret": field.Unsupported, "oidc_response_mode": field.Unsupported, "oidc_response_types": field.Unsupported,
	"jwks_url": field.Unsupported, "jwks_pairs": field.Unsupported, "jwks_ca_pem": field.Unsupported, "provider_config": field.Unsupported,
	"namespace_in_state": field.Unsupported, "unsupported_critical_cert_extensions": field.Unsupported,
}

// configFields returns the parameters of the configuration. OpenBao ignores two of Vault's.
func (m *Method) configFields() fields {
	if !m.tokens.OpenBao() {
		return configFields
	}
	all := maps.Clone(configFields)
	delete(all, "jwks_pairs")
	delete(all, "unsupported_critical_cert_extensions")
	all["override_allowed_server_names"] = field.Unsupported
	return all
}

func (m *Method) readConfig(*logical.Request, endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.config == nil {
		return nil, nil
	}
	data := map[string]any{
		"jwt_validation_pubkeys": m.config.keyTexts, "jwt_supported_algs": m.config.algorithms, "bound_issuer": m.config.issuer,
		"default_role": m.config.defaultRole, "oidc_discovery_url": "", "oidc_discovery_ca_pem": "", "oidc_client_id": "",
		"oidc_response_mode": "", "oidc_response_types": []string{}, "jwks_url": "", "jwks_ca_pem": "",
		"provider_config": map[string]any{}, "namespace_in_state": true,
	}
	if m.tokens.OpenBao() {
		data["override_allowed_server_names"], data["status"] = []string{}, "valid"
	} else {
		data["jwks_pairs"], data["unsupported_critical_cert_extensions"] = []any{}, []string{}
	}
	return &logical.Response{Data: data}, nil
}

func (m *Method) writeConfig(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	c := &config{
		keyTexts: p.Strings("jwt_validation_pubkeys"), algorithms: append([]string{}, p.Strings("jwt_supported_algs")...),
		issuer: p.Text("bound_issuer"), defaultRole: p.Text("default_role"),
	}
	switch {
	case len(c.keyTexts) > 0:
	case m.tokens.OpenBao():
		return nil, logical.Refuse("exactly one of 'jwt_validation_pubkeys', 'jwks_url', 'jwks_pairs', 'oidc_discovery_url', " +
			"or 'provider_config' must be set")
	default:
		return nil, logical.Refuse(
			"exactly one of 'jwt_validation_pubkeys', 'jwks_url', 'jwks_pairs' or 'oidc_discovery_url' must be set")
	}
	for _, text := range c.keyTexts {
		key, err := parseKey(text)
		if err != nil {
			return nil, logical.Refuse("error parsing public key: %s", err)
		}
		c.keys = append(c.keys, key)
	}
	for _, algorithm := range c.algorithms {
		if !supported(algorithm) {
			return nil, logical.Refuse("invalid jwt_supported_algs: unsupported signing algorithm %q", algorithm)
		}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.config = c
	return nil, nil
}

// verify returns why no key verifies the JWT, or nil.
func (c *config) verify(t *Token) error {
	for _, key := range c.keys {
		if t.verifiedBy(key) {
			return nil
		}
	}
	return fmt.Errorf("error verifying token signature: no known key successfully validated the token signature")
}

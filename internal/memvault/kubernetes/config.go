package kubernetes

import (
	"encoding/pem"

	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// config is how a real server would reach the cluster. Only the issuer counts here.
type config struct {
	host, caCert, issuer  string
	anyIssuer             bool
	noLocalCA, hasOwnUser bool
}

var configFields = fields{
	"kubernetes_host": field.String, "kubernetes_ca_cert": field.String, "token_reviewer_jwt": field.String, "issuer": field.String,
	"disable_iss_validation": field.Bool, "disable_local_ca_jwt": field.Bool,
	"pem_keys": field.Unsupported, "use_annotations_as_alias_metadata": field.Unsupported,
}

func (m *Method) readConfig(*logical.Request, endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.config == nil {
		return nil, nil
	}
	return &logical.Response{Data: map[string]any{
		"kubernetes_host": m.config.host, "kubernetes_ca_cert": m.config.caCert, "issuer": m.config.issuer, "pem_keys": []string{},
		"disable_iss_validation": m.config.anyIssuer, "disable_local_ca_jwt": m.config.noLocalCA,
		"token_reviewer_jwt_set": m.config.hasOwnUser, "use_annotations_as_alias_metadata": false,
	}}, nil
}

func (m *Method) writeConfig(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	c := &config{
		host: p.Text("kubernetes_host"), caCert: p.Text("kubernetes_ca_cert"), issuer: p.Text("issuer"),
		anyIssuer: !p.Has("disable_iss_validation") || p.Bool("disable_iss_validation"),
		noLocalCA: p.Bool("disable_local_ca_jwt"), hasOwnUser: p.Text("token_reviewer_jwt") != "",
	}
	if c.host == "" {
		return nil, logical.Refuse("no host provided")
	}
	if block, _ := pem.Decode([]byte(c.caCert)); c.caCert != "" && block == nil {
		return nil, logical.Refuse("The provided CA PEM data contains no valid certificates")
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.config = c
	return nil, nil
}

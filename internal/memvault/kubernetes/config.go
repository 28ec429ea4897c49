package kubernetes

import (
	"encoding/pem"
	"maps"

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
	"pem_keys": field.Unsupported,
}

const annotations = "use_annotations_as_alias_metadata" // Vault alone has it

// configFields returns the parameters of the configuration.
func (m *Method) configFields() fields {
	all := maps.Clone(configFields)
	if !m.tokens.OpenBao() {
		all[annotations] = field.Unsupported
	}
	return all
}

func (m *Method) readConfig(*logical.Request, endpoint.Params) (*logical.Response, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.config == nil {
		return nil, nil
	}
	data := map[string]any{
		"kubernetes_host": m.config.host, "kubernetes_ca_cert": m.config.caCert, "issuer": m.config.issuer, "pem_keys": []string{},
		"disable_iss_validation": m.config.anyIssuer, "disable_local_ca_jwt": m.config.noLocalCA,
		"token_reviewer_jwt_set": m.config.hasOwnUser,
	}
	if !m.tokens.OpenBao() {
		data[annotations] = false
	}
	return &logical.Response{Data: data}, nil
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
	if err := m.checkCA(c); err != nil {
		return nil, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.config = c
	return nil, nil
}

// checkCA refuses a CA that is no certificate. OpenBao takes any text, and wants the file of a pod if
// there is none.
func (m *Method) checkCA(c *config) error {
	block, _ := pem.Decode([]byte(c.caCert))
	switch {
	case !m.tokens.OpenBao():
		if c.caCert != "" && block == nil {
			return logical.Refuse("The provided CA PEM data contains no valid certificates")
		}
	case c.caCert == "" && c.noLocalCA:
		return logical.Refuse("kubernetes_ca_cert must be given when disable_local_ca_jwt is true")
	case c.caCert == "":
		return logical.Refuse("open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: no such file or directory")
	}
	return nil
}

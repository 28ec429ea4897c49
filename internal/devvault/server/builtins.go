package main

import (
	jwt "github.com/hashicorp/vault-plugin-auth-jwt"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// The engines, auth methods and audit devices that this server can mount,
// besides those that belong to the core (token, system, identity, cubbyhole).
var (
	logicalBackends    = map[string]logical.Factory{"kv": kv.Factory}
	credentialBackends = map[string]logical.Factory{
		"approle": approle.Factory, "jwt": jwt.Factory, "kubernetes": kubernetes.Factory,
	}
	auditBackends = map[string]audit.Factory{"file": audit.NewFileBackend}
)

// registry answers Vault's plugin catalog, which the core asks for the status
// of each mount; listing the mounts fails without one. Vault's own registry
// would bring in every plugin there is.
type registry struct{}

func factories(pluginType consts.PluginType) map[string]logical.Factory {
	switch pluginType {
	case consts.PluginTypeSecrets:
		return logicalBackends
	case consts.PluginTypeCredential:
		return credentialBackends
	default:
		return nil
	}
}

func (registry) Contains(name string, pluginType consts.PluginType) bool {
	return factories(pluginType)[name] != nil
}

func (registry) Get(name string, pluginType consts.PluginType) (func() (any, error), bool) {
	factory, ok := factories(pluginType)[name]
	return func() (any, error) { return factory, nil }, ok
}

func (registry) Keys(pluginType consts.PluginType) []string {
	var names []string
	for name := range factories(pluginType) {
		names = append(names, name)
	}
	return names
}

func (r registry) DeprecationStatus(name string, pluginType consts.PluginType) (consts.DeprecationStatus, bool) {
	if !r.Contains(name, pluginType) {
		return consts.Unknown, false
	}
	return consts.Supported, true
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }

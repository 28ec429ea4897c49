package vaultkit_test

import (
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// newProxy puts the fault injector in front of the package's Vault.
func newProxy(t testing.TB) *faultproxy.Proxy {
	t.Helper()
	return newProxyTo(t, vaulttest.Server().Addr())
}

func newProxyTo(t testing.TB, address string) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.New(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	return proxy
}

// throughProxy is a client whose requests go by the rule once it is logged in.
func throughProxy(t testing.TB, rule faultproxy.Rule, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	proxy := newProxy(t)
	client := newClient(t, append(opts, vaultkit.WithAddress(proxy.URL()))...)
	proxy.Reset()
	proxy.SetRule(rule)
	return client
}

// beforeCommit runs f once, just before the provider's new secret is written.
func beforeCommit(provider string, f func()) faultproxy.Rule {
	return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/providers/"+provider, faultproxy.Before(f))
}

func kvCustom(custom map[string]any) api.KVMetadataPatchInput {
	return api.KVMetadataPatchInput{CustomMetadata: custom}
}

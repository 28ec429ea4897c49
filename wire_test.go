package vaultkit_test

import (
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/internal/wire"
)

// newWire puts the fault injector in front of the package's Vault.
func newWire(t testing.TB) *wire.Proxy {
	t.Helper()
	return newWireTo(t, vaulttest.Server().Addr())
}

func newWireTo(t testing.TB, address string) *wire.Proxy {
	t.Helper()
	proxy, err := wire.New(address)
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

// throughWire is a client whose requests go by the rule once it is logged in.
func throughWire(t testing.TB, rule wire.Rule, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	proxy := newWire(t)
	client := newClient(t, append(opts, vaultkit.WithAddress(proxy.URL()))...)
	proxy.Reset()
	proxy.SetRule(rule)
	return client
}

// beforeCommit runs f once, just before the provider's new secret is written.
func beforeCommit(provider string, f func()) wire.Rule {
	return wire.OnMatch("PUT", "/data/"+vaulttest.Base+"/providers/"+provider, wire.Before(f))
}

func kvCustom(custom map[string]any) api.KVMetadataPatchInput {
	return api.KVMetadataPatchInput{CustomMetadata: custom}
}

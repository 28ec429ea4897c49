package vaultkit_test

import (
	"bytes"
	"encoding/json"
	"os"
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

// auditedPaths maps the request ids in Vault's audit log to their paths.
func auditedPaths(t testing.TB) map[string]string {
	t.Helper()
	log, err := os.ReadFile(vaulttest.Server().AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]string)
	for text := range bytes.Lines(log) {
		var line struct {
			Request struct{ ID, Path string }
		}
		if json.Unmarshal(text, &line) == nil {
			paths[line.Request.ID] = line.Request.Path
		}
	}
	return paths
}

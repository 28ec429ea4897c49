package clienttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// NewProxy starts a fault proxy for the package's Vault.
func NewProxy(t testing.TB) *faultproxy.Proxy {
	t.Helper()
	return NewProxyTo(t, vaulttest.Server().Addr())
}

// NewProxyTo starts a fault proxy for another server.
func NewProxyTo(t testing.TB, address string) *faultproxy.Proxy {
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

// NewTLSProxy starts a fault proxy with TLS for the package's Vault. The directory
// contains ca/ca.pem, and cert.pem and key.pem for a client.
func NewTLSProxy(t *testing.T, needClientCert bool, hosts ...string) (proxy *faultproxy.Proxy, dir string) {
	t.Helper()
	proxy, identity, err := faultproxy.NewTLS(vaulttest.Server().Addr(), needClientCert, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	dir = t.TempDir()
	for name, content := range map[string][]byte{"ca/ca.pem": identity.CA, "cert.pem": identity.ClientCert, "key.pem": identity.ClientKey} {
		if err := os.MkdirAll(filepath.Join(dir, "ca"), 0o700); err != nil {
			t.Fatal(err)
		}
		vaulttest.WriteFile(t, filepath.Join(dir, name), string(content))
	}
	return proxy, dir
}

// BeforeCommit returns a rule that runs f once, just before the provider's new secret is
// written.
func BeforeCommit(provider string, f func()) faultproxy.Rule {
	return OnCommit(provider, faultproxy.Before(f))
}

// OnCommit returns a rule that applies the action to the write of the provider's new
// secret.
func OnCommit(provider string, action faultproxy.Action) faultproxy.Rule {
	return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/providers/"+provider, action)
}

// DataReads returns how many reads of providers' secrets passed the proxy.
func DataReads(proxy *faultproxy.Proxy) (n int) {
	for _, request := range proxy.Log() {
		if request.Method == "GET" && strings.Contains(request.Path, "/data/"+vaulttest.Base+"/providers/") {
			n++
		}
	}
	return n
}

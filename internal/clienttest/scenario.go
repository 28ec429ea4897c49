package clienttest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// The provider's secret before and after its rotation.
var (
	OldSecret = map[string]any{"api_key": "fake-old", "keep": "kept"}
	NewSecret = map[string]any{"api_key": "fake-new", "keep": "kept"}
)

// Scenario is a provider whose rotation from OldSecret to NewSecret meets faults.
type Scenario struct {
	*testing.T
	Provider string
	Proxy    *faultproxy.Proxy
	Client   *vaultkit.Client // sends its requests through the proxy
	Direct   *vaultkit.Client // sends its requests to Vault directly
}

// Reconnect replaces Client, without a fault during its login.
func (s *Scenario) Reconnect(opts ...vaultkit.Option) {
	s.Helper()
	s.Proxy.SetRule(nil)
	s.Client = New(s, append(opts, vaultkit.WithAddress(s.Proxy.URL()))...)
	s.Proxy.Reset()
}

// Rotate rotates the provider to NewSecret.
func (s *Scenario) Rotate(ctx context.Context, client *vaultkit.Client) (*vaultkit.Rotation, error) {
	return client.Rotate(ctx, s.Provider, vaultkit.NewKey("fake-new"))
}

// NewScenario stores a provider and creates the clients.
func NewScenario(t *testing.T) *Scenario {
	t.Helper()
	proxy := NewProxy(t)
	w := &Scenario{T: t, Provider: vaulttest.PutProvider(t, OldSecret), Proxy: proxy, Direct: New(t)}
	w.Reconnect()
	return w
}

// RotationRequests returns the requests of a rotation without faults, by a client that has
// just logged in.
func RotationRequests(t *testing.T) []faultproxy.Request {
	t.Helper()
	w := NewScenario(t)
	if _, err := w.Rotate(t.Context(), w.Client); err != nil {
		t.Fatal(err)
	}
	return w.Proxy.Log()
}

// CrashBeforeCommit leaves an undecided rotation and returns its id.
func CrashBeforeCommit(t *testing.T, provider, key string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := NewWithFaults(t, OnCommit(provider, faultproxy.Refuse().Before(cancel)))
	_, err := client.Rotate(ctx, provider, vaultkit.NewKey(key))
	failed, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || failed.ID == "" {
		t.Fatalf("Rotate = %v, want an undecided rotation's error", err)
	}
	return failed.ID
}

// PutRotatedProvider stores a provider, rotates it n times, and returns the ids, oldest
// first.
func PutRotatedProvider(t *testing.T, n int) (provider string, ids []string) {
	t.Helper()
	client := New(t)
	provider = vaulttest.PutProvider(t, OldSecret)
	for i := range n {
		ids = append(ids, Rotate(t, client, provider, fmt.Sprintf("fake-%d", i)).ID)
	}
	return provider, ids
}

// PutProviderLackingARecord stores a provider and rotates it twice. The first rotation has
// no record.
func PutProviderLackingARecord(t *testing.T) string {
	t.Helper()
	p, root := vaulttest.PutProvider(t, OldSecret), New(t)
	lost := Rotate(t, root, p, "fake-2").ID
	Rotate(t, root, p, "fake-3")
	path := vaulttest.Base + "/rotations/" + p + "/" + lost
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return p
}

// PutProviders stores n providers and returns their names.
func PutProviders(t *testing.T, n int) []string {
	t.Helper()
	providers := make([]string, n)
	for i := range providers {
		providers[i] = vaulttest.PutProvider(t, OldSecret)
	}
	return providers
}

// MountDeletingVersions mounts a KV engine with this delete_version_after and stores a
// provider p in it.
func MountDeletingVersions(t *testing.T, after string) (mount string) {
	t.Helper()
	mount = vaulttest.MountEngine(t, "kv", map[string]string{"version": "2"})
	vaulttest.Write(t, vaulttest.Root(t), mount+"/config", map[string]any{"delete_version_after": after})
	if _, err := New(t, vaultkit.WithMount(mount)).PutProviderKeys(t.Context(), "p", vaultkit.ProviderKeys{"api_key": "fake-old"}); err != nil {
		t.Fatal(err)
	}
	return mount
}

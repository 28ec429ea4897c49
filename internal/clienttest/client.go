package clienttest

import (
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// New returns a client of the package's Vault with the root token, unless the options set
// something else.
func New(t testing.TB, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	defaults := []vaultkit.Option{
		vaultkit.WithAddress(vaulttest.Server().Addr()),
		vaultkit.WithToken(vaultkit.FromString(vaulttest.Server().RootToken())),
		WithBackoff(QuickBackoff),
		WithSkipOtherProviders(),
	}
	client, err := vaultkit.New(t.Context(), append(defaults, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// NewWithPolicy returns a client whose token has only this policy, without the default
// policy.
func NewWithPolicy(t *testing.T, policy string, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	return New(t, append(opts, vaultkit.WithToken(vaultkit.FromString(vaulttest.Token(t, policy))))...)
}

// NewWithFaults returns a client whose requests pass a fault proxy. The rule applies after
// the login.
func NewWithFaults(t testing.TB, rule faultproxy.Rule, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	proxy := NewProxy(t)
	client := New(t, append(opts, vaultkit.WithAddress(proxy.URL()))...)
	proxy.Reset()
	proxy.SetRule(rule)
	return client
}

// Rotate rotates the provider to the key and fails the test on an error.
func Rotate(t *testing.T, client *vaultkit.Client, provider, key string, opts ...vaultkit.RotateOption) *vaultkit.Rotation {
	t.Helper()
	r, err := client.Rotate(t.Context(), provider, vaultkit.NewKey(key), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// APIKey returns the provider's key, read with the client.
func APIKey(t *testing.T, client *vaultkit.Client, provider string) string {
	t.Helper()
	key, err := client.GetAPIKey(t.Context(), provider)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// WantAPIKey fails the test if the client reads another key.
func WantAPIKey(t *testing.T, client *vaultkit.Client, provider, want string) {
	t.Helper()
	if got, err := client.GetAPIKey(t.Context(), provider); err != nil || got != want {
		t.Fatalf("GetAPIKey(%s) = %q, %v, want %q", provider, got, err, want)
	}
}

// Status returns all results of Client.Status.
func Status(t *testing.T, client *vaultkit.Client, query vaultkit.StatusQuery) []vaultkit.ProviderStatus {
	t.Helper()
	var all []vaultkit.ProviderStatus
	for status, err := range client.Status(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, status)
	}
	return all
}

// ErrorOf returns the error of a call that returns two values.
func ErrorOf[T any](_ T, err error) error { return err }

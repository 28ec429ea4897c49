package rotation_test

import (
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// A client that has just rotated a provider relies on the answer about its capabilities. It asks
// again where a missing capability would do harm, and after a failure.
func TestRotate_AsksForCapabilitiesOnceInAShortTime(t *testing.T) {
	key := vaultkit.NewKey
	for name, tc := range map[string]struct {
		before  func(t *testing.T, client *vaultkit.Client, p string)
		source  vaultkit.Source
		options []vaultkit.RotateOption
		asks    bool
	}{
		"the first rotation": {func(*testing.T, *vaultkit.Client, string) {}, key("fake-last"), nil, true},
		"after a rotation":   {rotateOnce, key("fake-last"), nil, false},
		"after one of another provider": {func(t *testing.T, client *vaultkit.Client, _ string) {
			rotateOnce(t, client, vaulttest.PutProvider(t, clienttest.OldSecret))
		}, key("fake-last"), nil, true},
		"a dry run":               {rotateOnce, key("fake-last"), []vaultkit.RotateOption{vaultkit.WithDryRun()}, true},
		"a source that issues":    {rotateOnce, &clienttest.FieldSource{Fields: object{"api_key": "fake-last"}}, nil, true},
		"with other capabilities": {rotateOnce, key("fake-last"), []vaultkit.RotateOption{vaultkit.AllowRevoked()}, true},
		"after a failed rotation": {func(t *testing.T, client *vaultkit.Client, p string) {
			rotateOnce(t, client, p)
			if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(object{"absent": "fake"})); err == nil {
				t.Fatal("Rotate of a field that the secret does not have = nil, want ErrFieldMissing")
			}
		}, key("fake-last"), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, proxy := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewProxy(t)
			client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
			tc.before(t, client, p)
			before := len(proxy.Log())
			if _, err := client.Rotate(t.Context(), p, tc.source, tc.options...); err != nil {
				t.Fatal(err)
			}
			asked := slices.ContainsFunc(proxy.Log()[before:], func(r faultproxy.Request) bool {
				return strings.HasSuffix(r.Path, "sys/capabilities-self")
			})
			if asked != tc.asks {
				t.Errorf("Rotate asked for its capabilities: %v, want %v", asked, tc.asks)
			}
		})
	}
}

func rotateOnce(t *testing.T, client *vaultkit.Client, p string) {
	t.Helper()
	clienttest.Rotate(t, client, p, "fake-once")
}

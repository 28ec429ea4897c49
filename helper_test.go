package vaultkit_test

import (
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// quick makes repeats wait next to nothing, so that no test waits.
var quick = backoff.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}

// newClient is a client of the package's Vault as root, unless the options say
// otherwise.
func newClient(t testing.TB, opts ...vaultkit.Option) *vaultkit.Client {
	t.Helper()
	defaults := []vaultkit.Option{
		vaultkit.WithAddress(vaulttest.Server().Addr()),
		vaultkit.WithToken(vaultkit.Value(vaulttest.Server().RootToken())),
		clienttest.WithBackoff(quick),
		clienttest.WithOnlyOwnProvider(),
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

// store makes a provider of the test's own and returns its name.
func store(t testing.TB, fields map[string]any) string {
	t.Helper()
	name := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+name, fields)
	return name
}

// unchanged runs f and fails if Vault holds anything else of the provider then.
func unchanged(t *testing.T, provider string, f func()) {
	t.Helper()
	before := vaulttest.Snapshot(t, provider)
	f()
	if after := vaulttest.Snapshot(t, provider); !reflect.DeepEqual(before, after) {
		t.Errorf("Vault changed:\nbefore %+v\nafter  %+v", before, after)
	}
}

// secretUnchanged is unchanged but for the entries that announce a revocation.
func secretUnchanged(t *testing.T, provider string, f func()) {
	t.Helper()
	look := func() map[string]vaulttest.Entry {
		snapshot := vaulttest.Snapshot(t, provider)
		maps.DeleteFunc(snapshot, func(path string, _ vaulttest.Entry) bool { return strings.HasPrefix(path, "revocations/") })
		return snapshot
	}
	before := look()
	f()
	if after := look(); !reflect.DeepEqual(before, after) {
		t.Errorf("Vault changed:\nbefore %+v\nafter  %+v", before, after)
	}
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

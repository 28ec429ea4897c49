package rotation_test

import (
	"encoding/base64"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// newIndex is the state of the active node after a write, in the format of Vault Enterprise.
var newIndex = base64.StdEncoding.EncodeToString([]byte("v1:fake-cluster:7:0:00"))

// behind imitates a performance standby that has only the provider's first version. A request
// for a later state is told twice to wait.
func behind(provider string) faultproxy.Rule {
	told := 0
	const old = `{"request_id":"r","data":{"data":{"api_key":"fake-old"},"metadata":{"created_time":"2026-01-01T00:00:00Z","version":1}}}`
	return func(r faultproxy.Request) faultproxy.Action {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.Path, "/data/"+vaulttest.Base+"/providers/"+provider) {
			return faultproxy.Pass
		}
		if !strings.Contains(r.Index, newIndex) {
			return faultproxy.Error(http.StatusOK, old, false)
		}
		if told++; told <= 2 {
			return faultproxy.Error(http.StatusPreconditionFailed, `{"errors":["required index state not present"]}`, false)
		}
		return faultproxy.Pass
	}
}

// adminToken returns a new token that may do everything.
func adminToken(t *testing.T) string {
	t.Helper()
	return vaulttest.Token(t, `path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }`)
}

// A client's reads show what it wrote, from any node and with any login.
// Community servers send no index, so the fault proxy adds it.
func TestReads_ShowOwnWrites(t *testing.T) {
	proxy, file, first := clienttest.NewProxy(t), filepath.Join(t.TempDir(), "token"), adminToken(t)
	vaulttest.WriteFile(t, file, first)
	existing, err := api.NewClient(&api.Config{Address: proxy.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(existing.CloneConfig().HttpClient.CloseIdleConnections)
	again := func() {
		if err := vaulttest.Root(t).Auth().Token().RevokeOrphanWithContext(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		vaulttest.WriteFile(t, file, adminToken(t))
	}
	for name, tc := range map[string]struct {
		opts      []vaultkit.Option
		meanwhile func() // between the write and the read
	}{
		"a connection of its own": {nil, func() {}},
		"somebody's client":       {[]vaultkit.Option{vaultkit.WithAPIClient(existing)}, func() {}},
		"after another login":     {[]vaultkit.Option{vaultkit.WithToken(vaultkit.FromFile(file))}, again},
	} {
		t.Run(name, func(t *testing.T) {
			provider, stranger := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
			client := clienttest.New(t, append(tc.opts, vaultkit.WithAddress(proxy.URL()))...)
			proxy.SetRule(faultproxy.OnMatch(http.MethodPut, "/data/"+vaulttest.Base+"/providers/", faultproxy.AddHeader(faultproxy.IndexHeader, newIndex)))
			if _, err := client.Rotate(t.Context(), provider, vaultkit.NewKey("fake-new")); err != nil {
				t.Fatal(err)
			}
			tc.meanwhile()
			proxy.Reset()
			proxy.SetRule(behind(provider))
			clienttest.WantAPIKey(t, stranger, provider, "fake-old")
			var crowd sync.WaitGroup
			for range 8 {
				crowd.Go(func() {
					if key, err := client.GetAPIKey(t.Context(), provider); err != nil || key != "fake-new" {
						t.Errorf("GetAPIKey(%q) = %q, %v, want %q", provider, key, err, "fake-new")
					}
				})
			}
			crowd.Wait()
			if n := clienttest.DataReads(proxy); n < 1+8+2 {
				t.Errorf("Vault got %d reads, want at least %d: some are told to wait", n, 1+8+2)
			}
		})
	}
}

package apiclient_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/apiclient"
)

// countingTransport counts the requests.
type countingTransport struct {
	next  http.RoundTripper
	count int
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count++
	return c.next.RoundTrip(r)
}

// TestDetach checks that a detached client has the settings and not the token of the client, that
// only its own requests pass its transport, and that the client then requires the state that the
// detached one has seen.
func TestDetach(t *testing.T) {
	const state = "djE6Y2x1c3RlcjoxOjA6" // an X-Vault-Index
	var indexes, namespaces []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		indexes = append(indexes, r.Header.Get(api.HeaderIndex))
		namespaces = append(namespaces, r.Header.Get(api.NamespaceHeaderName))
		w.Header().Set(api.HeaderIndex, state)
		_, _ = w.Write([]byte(`{"data":{}}`))
	}))
	defer server.Close()
	client, closeIdle, err := apiclient.New(apiclient.Settings{Address: server.URL, Namespace: "team"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIdle()
	transport := &countingTransport{}
	detached, err := apiclient.Detach(client, func(next http.RoundTripper) http.RoundTripper {
		transport.next = next
		return transport
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []*api.Client{detached, client} {
		if _, err := one.Logical().ReadWithContext(t.Context(), "secret/data/x"); err != nil {
			t.Fatal(err)
		}
	}
	if transport.count != 1 {
		t.Errorf("%d requests passed the detached client's transport, want 1", transport.count)
	}
	if indexes[0] != "" || indexes[1] != state || namespaces[0] != "team" || namespaces[1] != "team" {
		t.Errorf("requests with %s %q and the namespaces %q, want the second with %q, and both with team", api.HeaderIndex, indexes, namespaces, state)
	}
	detached.SetMaxRetries(7)
	if n := client.MaxRetries(); n != 0 {
		t.Errorf("MaxRetries of the client = %d, want 0: it has its own settings", n)
	}
}

package policy_test

import (
	"net/http"
	"strings"
	"testing"

	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// Vault resolves %2e%2e in a path only after it has checked the policy. A role that may create
// entries of revocations must not reach the entry of a provider in that way.
func TestPolicy_DeniesPathsThatLeaveTheRevocations(t *testing.T) {
	for _, role := range policy.Roles() {
		for _, opts := range [][]policy.Option{nil, {policy.OnlyProviders("p")}} {
			unused := vaulttest.Name(t)
			token := vaulttest.Token(t, clienttest.Policy(t, role, opts...))
			for _, parent := range []string{"%2e%2e", "%2E%2e", ".%2e"} {
				path := "/v1/secret/data/goblin-assistant/revocations/" + parent + "/providers/" + unused
				if got := putRaw(t, path, token); got != http.StatusForbidden {
					t.Errorf("PUT %s as a %s with %d options = %d, want %d", path, role, len(opts), got, http.StatusForbidden)
				}
			}
			planted, err := vaulttest.Root(t).Logical().ReadWithContext(t.Context(), "secret/metadata/goblin-assistant/providers/"+unused)
			if err != nil || planted != nil {
				t.Errorf("the metadata of the provider = %v, %v after the requests of a %s, want none", planted, err, role)
			}
		}
	}
}

// putRaw sends a write with its path as it is, which the official client would change.
func putRaw(t *testing.T, path, token string) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, vaulttest.Server().Addr()+path,
		strings.NewReader(`{"data":{"api_key":"fake-planted"},"options":{"cas":0}}`))
	if err != nil {
		t.Fatalf("NewRequestWithContext = %v, want no error", err)
	}
	request.Header.Set("X-Vault-Token", token)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatalf("PUT %s = %v, want a response", path, err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

package memvault_test

import (
	"net/http"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/memvault"
)

// newClient returns vaultkit's client of the server, without a socket.
func newClient(t *testing.T, s *memvault.Server) *vaultkit.Client {
	t.Helper()
	c, err := vaultkit.New(t.Context(),
		vaultkit.WithAddress(s.Addr()),
		vaultkit.WithToken(vaultkit.FromString(s.RootToken())),
		vaultkit.WithTransport(func(http.RoundTripper) http.RoundTripper { return s.Transport() }),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestVaultkit_RotatesAndRollsBack(t *testing.T) {
	c := newClient(t, memvault.New(memvault.Options{}))
	if _, err := c.PutProviderKeys(t.Context(), "p", vaultkit.ProviderKeys{"api_key": "fake-1"}); err != nil {
		t.Fatal(err)
	}
	rotated, err := c.Rotate(t.Context(), "p", vaultkit.NewKey("fake-2"), vaultkit.WithReason("a test"))
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, c, "p", "fake-2")
	if _, err := c.Rollback(t.Context(), "p", rotated.ID); err != nil {
		t.Fatal(err)
	}
	wantKey(t, c, "p", "fake-1")
	if records, err := c.History(t.Context(), "p"); err != nil || len(records) != 2 {
		t.Errorf("History(p) = %d records, %v, want 2", len(records), err)
	}
	if resolved, err := c.Recover(t.Context(), "p"); err != nil || len(resolved) != 0 {
		t.Errorf("Recover(p) = %v, %v, want nothing to do", resolved, err)
	}
	if names, err := c.Providers(t.Context()); err != nil || len(names) != 1 || names[0] != "p" {
		t.Errorf("Providers() = %q, %v, want p", names, err)
	}
	if backups, err := c.Backups(t.Context(), "p"); err != nil || len(backups) != 2 {
		t.Errorf("Backups(p) = %d backups, %v, want 2", len(backups), err)
	}
}

func wantKey(t *testing.T, c *vaultkit.Client, provider, want string) {
	t.Helper()
	if got, err := c.GetAPIKey(t.Context(), provider); err != nil || got != want {
		t.Errorf("GetAPIKey(%s) = %q, %v, want %q", provider, got, err, want)
	}
}

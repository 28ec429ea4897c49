package connection

import (
	"slices"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// A child process gets no variable with a credential, and all other variables.
func TestCredentials(t *testing.T) {
	t.Parallel()
	want := []string{
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL",
		"VAULTKIT_APPROLE_MOUNT", "VAULTKIT_JWT_FILE", "VAULTKIT_KUBERNETES_MOUNT", "VAULTKIT_KUBERNETES_ROLE",
		"VAULTKIT_ROLE_ID_FILE", "VAULTKIT_SECRET_ID_FILE", "VAULTKIT_TOKEN_FILE", "VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE",
		"VAULT_CLIENT_KEY", "VAULT_ID_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_TOKEN",
	}
	got := New(terminal.New(terminal.Streams{})).Credentials()
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("Credentials() = %q, want %q", got, want)
	}
}

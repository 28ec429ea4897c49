package connection

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/vaulttest"
)

// A child process gets no variable with a credential, and all other variables.
func TestCredentials(t *testing.T) {
	t.Parallel()
	want := []string{
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL",
		"VAULTKIT_APPROLE_MOUNT", "VAULTKIT_JWT_AUDIENCE", "VAULTKIT_JWT_FILE", "VAULTKIT_JWT_MOUNT", "VAULTKIT_JWT_ROLE", "VAULTKIT_JWT_TOKEN",
		"VAULTKIT_JWT_TOKEN_FILE", "VAULTKIT_KUBERNETES_MOUNT", "VAULTKIT_KUBERNETES_ROLE",
		"VAULTKIT_ROLE_ID_FILE", "VAULTKIT_SECRET_ID_FILE", "VAULTKIT_TOKEN_FILE", "VAULTKIT_WRAPPED_SECRET_ID", "VAULTKIT_WRAPPED_SECRET_ID_FILE",
		"VAULT_CLIENT_KEY", "VAULT_ID_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_TOKEN",
	}
	got := New(terminal.New(terminal.Streams{})).Credentials()
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("Credentials() = %q, want %q", got, want)
	}
}

// Only an AppRole's secret id may be valid for one login alone.
func TestLoginUsesUp(t *testing.T) {
	dir := t.TempDir()
	jwt := filepath.Join(dir, "jwt")
	vaulttest.WriteFile(t, jwt, "fake.fake.fake")
	for name, tc := range map[string]struct {
		variables map[string]string
		want      bool
	}{
		"token":             {map[string]string{"VAULT_TOKEN": "hvs.fake"}, false},
		"AppRole":           {map[string]string{"VAULT_ROLE_ID": "fake"}, true},
		"Kubernetes":        {map[string]string{"VAULTKIT_KUBERNETES_ROLE": "fake", "VAULTKIT_JWT_FILE": jwt}, false},
		"JWT in a variable": {map[string]string{"VAULTKIT_JWT_TOKEN": "fake.fake.fake"}, false},
		"JWT in a file":     {map[string]string{"VAULTKIT_JWT_TOKEN_FILE": jwt}, false},
		"JWT from a device": {map[string]string{"VAULTKIT_JWT_TOKEN_FILE": os.DevNull}, true},
		"GitHub":            {map[string]string{"VAULTKIT_AUTH": "jwt"}, false},
		"AppRole by choice": {map[string]string{"VAULTKIT_AUTH": "approle", "VAULTKIT_JWT_TOKEN": "fake.fake.fake"}, true},
		"JWT by choice":     {map[string]string{"VAULTKIT_AUTH": "jwt", "VAULT_ROLE_ID": "fake"}, false},
		"none":              {map[string]string{"VAULTKIT_AUTH": "none", "VAULT_ROLE_ID": "fake"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, one := range newSettings() {
				t.Setenv(one.variable, "")
				for _, hidden := range one.hides {
					t.Setenv(hidden, "")
				}
			}
			t.Setenv("HOME", dir)
			for variable, value := range tc.variables {
				t.Setenv(variable, value)
			}
			if got := New(terminal.New(terminal.Streams{})).LoginUsesUp(); got != tc.want {
				t.Errorf("LoginUsesUp() = %t, want %t", got, tc.want)
			}
		})
	}
}

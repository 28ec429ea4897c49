package settings_test

import (
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/internal/settings"
	"goblin/vaultkit/internal/vaulttest"
)

type env = map[string]string

// configured returns the settings of an environment, without a token of the Vault CLI.
func configured(t *testing.T, variables env) *settings.Settings {
	t.Helper()
	if _, set := variables["HOME"]; !set {
		t.Setenv("HOME", t.TempDir())
	}
	s := settings.New()
	settings.WithEnvironment(func(name string) string { return variables[name] })(s)
	return s
}

func TestWithEnvironment_ChoosesALogin(t *testing.T) {
	home := t.TempDir()
	vaulttest.WriteFile(t, home+"/.vault-token", "hvs.canary")
	t.Setenv("HOME", home)
	for name, tc := range map[string]struct {
		env     env
		login   string
		ignored []string
	}{
		"JWT in a variable": {env{"VAULTKIT_JWT_TOKEN": "canary"},
			"jwt at auth/jwt, the default role, JWT from environment VAULTKIT_JWT_TOKEN", nil},
		"JWT in a file": {env{"VAULTKIT_JWT_TOKEN_FILE": "/run/jwt", "VAULTKIT_JWT_ROLE": "ci", "VAULTKIT_JWT_MOUNT": "gitlab"},
			"jwt at auth/gitlab, role ci, JWT from file /run/jwt", nil},
		"variable before file": {env{"VAULTKIT_JWT_TOKEN": "canary", "VAULTKIT_JWT_TOKEN_FILE": "/run/jwt", "VAULTKIT_JWT_AUDIENCE": "a"},
			"jwt at auth/jwt, the default role, JWT from environment VAULTKIT_JWT_TOKEN", nil},
		"file before GitHub": {env{"VAULTKIT_JWT_TOKEN_FILE": "/run/jwt", "VAULTKIT_JWT_AUDIENCE": "a"},
			"jwt at auth/jwt, the default role, JWT from file /run/jwt", nil},
		"GitHub": {env{"VAULTKIT_JWT_ROLE": "ci"},
			"jwt at auth/jwt, role ci, JWT from GitHub's identity token", nil},
		"GitHub with an audience": {env{"VAULTKIT_JWT_AUDIENCE": "https://vault.example"},
			"jwt at auth/jwt, the default role, JWT from GitHub's identity token for the audience https://vault.example", nil},
		"by choice": {env{"VAULTKIT_AUTH": "jwt", "VAULT_TOKEN": "canary", "VAULT_ROLE_ID": "canary"},
			"jwt at auth/jwt, the default role, JWT from GitHub's identity token", nil},
		"none": {env{"VAULTKIT_AUTH": "none", "VAULT_TOKEN": "canary", "VAULTKIT_JWT_TOKEN": "canary"}, "none: the proxy", nil},
		"mount alone is no choice": {env{"VAULTKIT_JWT_MOUNT": "gitlab", "HOME": home},
			"token from file ~/.vault-token of the Vault CLI", nil},
		"the Kubernetes login's file": {env{"VAULTKIT_JWT_FILE": "/run/jwt", "HOME": home},
			"token from file ~/.vault-token of the Vault CLI", nil},
		"before the CLI's token": {env{"VAULTKIT_JWT_TOKEN": "canary", "HOME": home},
			"jwt at auth/jwt, the default role, JWT from environment VAULTKIT_JWT_TOKEN", nil},
		"after a token": {env{"VAULT_TOKEN": "canary", "VAULTKIT_JWT_TOKEN": "canary"},
			"token from environment VAULT_TOKEN", []string{"jwt"}},
		"after an AppRole": {env{"VAULTKIT_ROLE_ID_FILE": "/run/role", "VAULTKIT_JWT_AUDIENCE": "a"},
			"approle at auth/approle", []string{"jwt"}},
		"after Kubernetes": {env{"VAULTKIT_KUBERNETES_ROLE": "r", "VAULTKIT_JWT_ROLE": "ci"},
			"kubernetes at auth/kubernetes, role r", []string{"jwt"}},
		"after all": {env{"VAULTKIT_TOKEN_FILE": "/run/token", "VAULT_ROLE_ID": "canary", "VAULTKIT_KUBERNETES_ROLE": "r", "VAULTKIT_JWT_TOKEN_FILE": "/run/jwt"},
			"token from file /run/token", []string{"approle", "kubernetes", "jwt"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := configured(t, tc.env)
			if s.Err != nil || s.Login == nil {
				t.Fatalf("login = %v, %v, want one", s.Login, s.Err)
			}
			if login := s.Login.String(); !strings.HasPrefix(login, tc.login) || strings.Contains(login, "canary") {
				t.Errorf("login = %q, want %q", login, tc.login)
			}
			if !slices.Equal(s.IgnoredLogins, tc.ignored) {
				t.Errorf("ignored logins = %q, want %q", s.IgnoredLogins, tc.ignored)
			}
		})
	}
}

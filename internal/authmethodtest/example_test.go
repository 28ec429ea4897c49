package authmethodtest

import (
	"context"
	"log"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/userpass"

	"goblin/vaultkit"
)

// A user logs in with a name and a password. The function makes the auth method at each login, so
// that a password that changed meanwhile is read again.
func Example() {
	client, err := vaultkit.New(context.Background(), vaultkit.WithEnvironment(),
		vaultkit.WithAuthMethod("userpass", func(context.Context) (api.AuthMethod, error) {
			return userpass.NewUserpassAuth("assistant", &userpass.Password{FromFile: "/run/secrets/vault-password"})
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

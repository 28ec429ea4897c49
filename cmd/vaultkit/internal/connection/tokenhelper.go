package connection

import (
	"context"
	"os"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/childproc"
	"goblin/vaultkit/cmd/vaultkit/internal/tokenhelper"
	"goblin/vaultkit/internal/settings"
)

// tokenHelper returns the Vault CLI's token helper, if there is one and the login is with a token
// that nothing else gives. Otherwise it looks at no file.
func tokenHelper(environment func(string) string) (helper *tokenhelper.Helper, found bool) {
	login := environment("VAULTKIT_AUTH")
	if environment("VAULT_TOKEN")+environment("VAULTKIT_TOKEN_FILE") != "" || login != "" && login != "token" {
		return nil, false
	}
	return tokenhelper.Find(os.Getenv)
}

// withTokenHelper returns the option that gets the token from the Vault CLI's token helper.
func (c *Connection) withTokenHelper(helper *tokenhelper.Helper, environment func(string) string) vaultkit.Option {
	return settings.WithTokenInPlaceOfCLIToken(helper.String(), func(ctx context.Context) (string, error) {
		return helper.Token(ctx, c.helperEnvironment(environment), func(line string) { c.io.Warn("token helper: %s", line) })
	})
}

// helperEnvironment returns the environment without credentials, and with the server of this
// call: a helper may keep a token for each server.
func (c *Connection) helperEnvironment(environment func(string) string) []string {
	var own []string
	for _, name := range []string{"VAULT_ADDR", "VAULT_NAMESPACE"} {
		if value := environment(name); value != "" {
			own = append(own, name+"="+value)
		}
	}
	return childproc.Environment(os.Environ(), c.Credentials(), own)
}

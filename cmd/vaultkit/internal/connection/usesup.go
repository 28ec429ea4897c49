package connection

import (
	"os"
	"path/filepath"
	"slices"
)

// LoginUsesUp reports that to log in would use something up: an AppRole's secret id may
// be good for one login only, its wrapping token is, and what is read from a pipe is
// gone. That a token has a limit of uses cannot be seen without one more use: such a
// token, and a wrapping token given as the token itself, still pays for a Tab.
func (c *Connection) LoginUsesUp() bool {
	environment, err := c.environment()
	if err != nil || c.pipes(environment) {
		return true
	}
	if login := environment("VAULTKIT_AUTH"); login != "" {
		return login == "approle"
	}
	token := environment("VAULT_TOKEN") + environment("VAULTKIT_TOKEN_FILE")
	return token == "" && environment("VAULT_ROLE_ID")+environment("VAULTKIT_ROLE_ID_FILE") != ""
}

// pipes reports that what would be read is no plain file: bash, for one, runs the
// <(command) of a line anew for each Tab. What is not there is not read either.
func (c *Connection) pipes(environment func(string) string) bool {
	var paths []string
	for _, s := range c.settings {
		if s.isFile() {
			paths = append(paths, environment(s.variable))
		}
	}
	if home, err := os.UserHomeDir(); err == nil && environment("VAULT_TOKEN")+environment("VAULTKIT_TOKEN_FILE") == "" {
		paths = append(paths, filepath.Join(home, ".vault-token"))
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		about, err := os.Stat(path)
		return err == nil && !about.Mode().IsRegular()
	})
}

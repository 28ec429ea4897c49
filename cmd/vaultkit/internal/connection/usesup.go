package connection

import (
	"os"
	"path/filepath"
	"slices"
)

// LoginUsesUp reports whether a login would use something up: an AppRole's secret id or
// its wrapping token may be valid for one login only, and a pipe can be read only once. A token
// helper is a program, which may ask the user something.
// A token with a limited number of uses, and a wrapping token that is given as the
// token, cannot be recognized without using them: completion does use those up.
func (c *Connection) LoginUsesUp() bool {
	environment, err := c.environment()
	if err != nil || c.pipes(environment) {
		return true
	}
	login := environment("VAULTKIT_AUTH")
	token := environment("VAULT_TOKEN") + environment("VAULTKIT_TOKEN_FILE")
	if _, helper := tokenHelper(environment); helper {
		return true
	}
	if login != "" {
		return login == "approle"
	}
	return token == "" && environment("VAULT_ROLE_ID")+environment("VAULTKIT_ROLE_ID_FILE") != ""
}

// pipes reports whether a file to read is not a regular file: bash, for one, runs
// <(command) again for each Tab. A missing file does no harm.
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

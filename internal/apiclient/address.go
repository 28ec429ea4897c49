package apiclient

import (
	"net/url"
	"slices"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

const (
	badAddress = "the address is not a URL like https://vault.example.com:8200"
	unixScheme = "unix://"
)

// checkAddress returns an error if the address cannot be that of a Vault server. The error
// never repeats the address's user information, which may be a password.
func checkAddress(address string) error {
	if address == "" {
		return vaulterr.Invalid("no address: set VAULT_ADDR or give an address such as https://vault.example.com:8200")
	}
	if strings.TrimSpace(address) != address {
		return vaulterr.Invalid("the address begins or ends with white space: remove it (VAULT_ADDR)")
	}
	if strings.ContainsAny(address, `"'`) {
		return vaulterr.Invalid("the address contains quotes: remove them (VAULT_ADDR)")
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return vaulterr.Invalid(badAddress)
	case parsed.User != nil:
		return vaulterr.Invalid("the address contains a user or password: remove them")
	case parsed.Scheme == "unix" && socketPath(address) != "":
		return nil
	case !slices.Contains([]string{"http", "https"}, parsed.Scheme) || parsed.Host == "":
		return vaulterr.Invalid(badAddress)
	case strings.HasSuffix(strings.TrimRight(parsed.Path, "/"), "/v1"):
		return vaulterr.Invalid("the address ends in /v1: remove it, because each request adds it (VAULT_ADDR)")
	}
	return nil
}

// socketPath returns the path of the unix socket that the address names, or "" if it names
// none.
func socketPath(address string) string {
	path, ok := strings.CutPrefix(address, unixScheme)
	if !ok {
		return ""
	}
	return path
}

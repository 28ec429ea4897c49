package rights

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// plainProvider matches a provider's name that a policy's name can hold as it is. Vault stores
// names of policies in lower case, and a role's name must not end in a dot or dash.
var plainProvider = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$`)

// maxReadable is the length of the readable part of a name with a digest.
const maxReadable = 48

// Name returns the name of a role's policy in Vault, and of the AppRole or other role of an auth
// method that has it: vaultkit-<role>. A policy that is narrowed to providers, or for another
// mount or base path, has another name. Different scopes have different names: where the readable
// part does not tell them apart, a digest of the scope follows. An empty Mount or Base is the
// default.
func (s Scope) Name(role string) string {
	name := "vaultkit-" + role
	providers := slices.Compact(slices.Sorted(slices.Values(s.Providers)))
	switch atDefault := s.Mount+s.Base == ""; {
	case atDefault && len(providers) == 0:
		return name
	case atDefault && len(providers) == 1 && plainProvider.MatchString(providers[0]):
		return name + "-" + providers[0]
	}
	var parts []string
	for _, part := range append([]string{s.Mount, s.Base}, providers...) {
		if part != "" {
			parts = append(parts, strings.ReplaceAll(strings.ToLower(part), "/", "-"))
		}
	}
	readable := strings.Join(parts, "-")
	readable = strings.TrimRight(readable[:min(len(readable), maxReadable)], ".-")
	return name + "-" + readable + "-" + s.digest(providers)
}

// digest returns a text that differs from that of any other scope.
func (s Scope) digest(providers []string) string {
	text, _ := json.Marshal([]any{s.Mount, s.Base, providers}) // cannot fail: texts only
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

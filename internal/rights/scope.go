package rights

import (
	"slices"
	"strings"

	"goblin/vaultkit/internal/kv"
)

// Scope is the part of Vault that rights apply to: a mount, a base path and providers.
type Scope struct {
	Mount, Base string
	Providers   []string // empty: every provider
}

// Grant holds the capabilities of a role on one path.
type Grant struct {
	PathKind     PathKind
	Path         string
	Capabilities []string
	TagsOnly     bool   // a write may change only custom metadata
	Denied       string // a path that Path matches too and that must be denied; empty: none
}

// Grants returns the paths in the scope, each with its capabilities.
func (s Scope) Grants(set Set) ([]Grant, error) {
	var grants []Grant
	layout := kv.Layout{Mount: s.Mount, Base: s.Base, Wildcards: true}
	for at, capabilities := range set {
		if len(capabilities) == 0 {
			continue
		}
		for _, entry := range s.entries(pathKinds[at].entry) {
			path, err := pathKinds[at].path(layout, entry)
			if err != nil {
				return nil, err
			}
			grants = append(grants, Grant{PathKind(at), path, capabilities, pathKinds[at].tagsOnly, parentOf(path, capabilities)})
		}
	}
	return grants, nil
}

// parentOf returns the path by which the right to create entries of revocations reaches those of
// providers: Vault resolves ".." (%2e%2e in a URL) after it has checked the policy.
func parentOf(path string, capabilities []string) string {
	const attempts = "/revocations/" + kv.Wildcard + "/"
	if !slices.Contains(capabilities, "create") || !strings.Contains(path, attempts) {
		return ""
	}
	return strings.Replace(path, attempts, "/revocations/../", 1)
}

// entries returns the pattern itself, or one entry for each provider of the scope.
func (s Scope) entries(pattern kv.EntryName) []kv.EntryName {
	if len(s.Providers) == 0 || len(pattern) == 1 {
		return []kv.EntryName{pattern}
	}
	entries := make([]kv.EntryName, len(s.Providers))
	for i, provider := range s.Providers {
		entries[i] = slices.Concat(pattern[:1], kv.EntryName{provider}, pattern[2:])
	}
	return entries
}

package rights

import (
	"slices"

	"goblin/vaultkit/internal/kv"
)

// Scope is where rights apply: a mount, a base path and providers.
type Scope struct {
	Mount, Base string
	Providers   []string // none: every provider
}

// Grant is what a role may at a path of a place.
type Grant struct {
	Place        Place
	Path         string
	Capabilities []string
	TagsOnly     bool // writing there means custom metadata, and nothing else
}

// Grants returns the paths of rights in the scope.
func (s Scope) Grants(set Set) ([]Grant, error) {
	var grants []Grant
	layout := kv.Layout{Mount: s.Mount, Base: s.Base, Patterns: true}
	for at, capabilities := range set {
		if len(capabilities) == 0 {
			continue
		}
		for _, key := range s.keys(places[at].key) {
			path, err := places[at].path(layout, key)
			if err != nil {
				return nil, err
			}
			grants = append(grants, Grant{Place(at), path, capabilities, places[at].tagsOnly})
		}
	}
	return grants, nil
}

// keys returns what a pattern becomes: itself, or one key for each provider of the scope.
func (s Scope) keys(pattern kv.Key) []kv.Key {
	if len(s.Providers) == 0 || len(pattern) == 1 {
		return []kv.Key{pattern}
	}
	keys := make([]kv.Key, len(s.Providers))
	for i, provider := range s.Providers {
		keys[i] = slices.Concat(pattern[:1], kv.Key{provider}, pattern[2:])
	}
	return keys
}

package kv

import (
	"regexp"
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// Key names one entry below the base path: {"providers", "openai"} or
// {"backups", "openai", id}.
type Key []string

// segment is what a path may be made of. The official client joins paths with
// path.Join and Vault decodes %2f after its policy check, so a name with a
// slash, a dot-dot or an escape could reach another key: one safe segment only.
var segment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckName accepts a provider's name or an id: one path segment of at most
// 128 letters, digits, dots, underscores and dashes, starting with a letter or
// digit, without "..".
func CheckName(what, name string) error {
	if segment.MatchString(name) && !strings.Contains(name, "..") {
		return nil
	}
	if name == "" {
		return vaulterr.Invalid("the %s is empty", what)
	}
	return vaulterr.Invalid("the %s %q is not 1 to 128 letters, digits, '.', '_' or '-', starting with a letter or digit, without '..'", what, clip(name))
}

// CheckPath accepts a mount or a base path: safe segments with slashes between.
func CheckPath(what, path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if CheckName(what, part) != nil {
			return vaulterr.Invalid("the %s %q is not a path of safe segments like \"team/secret\"", what, clip(path))
		}
	}
	return nil
}

func clip(text string) string {
	if len(text) > 140 {
		return text[:140] + "…"
	}
	return text
}

// The four doors of a KV v2 mount, each a path without the leading "/v1/".
func (s *Store) dataPath(key Key) (string, error)     { return s.path("data", key) }
func (s *Store) metadataPath(key Key) (string, error) { return s.path("metadata", key) }

// listPath is the directory itself: LIST needs its right with the slash.
func (s *Store) listPath(dir Key) (string, error) {
	path, err := s.path("metadata", dir)
	return path + "/", err
}

// path is the one place where a path is put together; it cannot leave the base.
func (s *Store) path(door string, key Key) (string, error) {
	for _, part := range key {
		if err := CheckName("path segment", part); err != nil {
			return "", err
		}
	}
	return strings.Join(append([]string{s.mount, door, s.base}, key...), "/"), nil
}

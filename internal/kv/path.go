package kv

import (
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// Key names one entry below the base path: {"providers", "openai"} or
// {"backups", "openai", id}.
type Key []string

// longestName is how many letters a path segment may have.
const maxNameLength = 128

// CheckName accepts a provider's name or an id: one path segment of at most
// 128 letters, digits, dots, underscores and dashes, starting with a letter or
// digit, without "..".
func CheckName(what, name string) error {
	if isValidName(name) {
		return nil
	}
	if name == "" {
		return vaulterr.Invalid("the %s is empty", what)
	}
	return vaulterr.Invalid("the %s %q is not 1 to 128 letters, digits, '.', '_' or '-', starting with a letter or digit, without '..'", what, truncate(name))
}

// SplitNames sorts out what a list holds and vaultkit takes for no name: folders, and
// what CheckName refuses.
func SplitNames(listed []string) (names, refused []string) {
	for _, name := range listed {
		if isValidName(name) {
			names = append(names, name)
		} else {
			refused = append(refused, name)
		}
	}
	return names, refused
}

// isSegment: the official client joins paths with path.Join and Vault decodes %2f
// after its policy check, so a name with a slash, a dot-dot or an escape could reach
// another key. Written out, and no regular expression, because each read asks it
// three times.
func isValidName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '_' || c == '-'):
		case i > 0 && c == '.' && name[i-1] != '.':
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxNameLength
}

// CheckPath accepts a mount or a base path: safe segments with slashes between.
func CheckPath(what, path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if CheckName(what, part) != nil {
			return vaulterr.Invalid("the %s %q is not a path of safe segments like \"team/secret\"", what, truncate(path))
		}
	}
	return nil
}

func truncate(text string) string {
	if len(text) > 140 {
		return text[:140] + "…"
	}
	return text
}

// Any stands for whatever one segment a request has in its place, in a policy's
// path. No request may have it.
const Any = "+"

// Layout says where entries stand: below Base in the KV v2 mount Mount, both of
// which must have passed CheckPath.
type Layout struct {
	Mount, Base string
	// Patterns: keys may hold Any, for the paths of policies are asked for.
	Patterns bool
}

// Data is the path of an entry's values, without the leading "/v1/" as all here.
func (l Layout) Data(key Key) (string, error) { return l.path("data", key) }

// Metadata is the path of what is kept beside an entry's values.
func (l Layout) Metadata(key Key) (string, error) { return l.path("metadata", key) }

// List is the path of a directory: LIST, and the right to it, need the slash.
func (l Layout) List(dir Key) (string, error) {
	path, err := l.path("metadata", dir)
	return path + "/", err
}

// path is the one place where a path is put together; it cannot leave the base.
func (l Layout) path(endpoint string, key Key) (string, error) {
	for _, part := range key {
		if l.Patterns && part == Any {
			continue
		}
		if err := CheckName("path segment", part); err != nil {
			return "", err
		}
	}
	return strings.Join(append([]string{l.Mount, endpoint, l.Base}, key...), "/"), nil
}

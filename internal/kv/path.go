package kv

import (
	"strings"

	"goblin/vaultkit/internal/vaulterr"
)

// EntryName is an entry's path below the base path, as segments: {"providers", "openai"} or
// {"backups", "openai", id}.
type EntryName []string

// maxNameLength is the maximum length of a path segment.
const maxNameLength = 128

// CheckName checks a provider's name or an id. It must be one path segment of at most 128
// letters, digits, dots, underscores and dashes, start with a letter or digit, and not contain
// "..".
func CheckName(what, name string) error {
	if isValidName(name) {
		return nil
	}
	if name == "" {
		return vaulterr.Invalid("the %s is empty", what)
	}
	return vaulterr.Invalid("the %s %q is not 1 to 128 letters, digits, '.', '_' or '-', starting with a letter or digit, without '..'", what, truncate(name))
}

// SplitNames separates the names in a list from those that vaultkit does not accept: folders,
// and what CheckName refuses.
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

// isValidName reports whether CheckName accepts the name. The official client joins paths with
// path.Join, and Vault decodes %2f after its policy check, so a name with a slash, ".." or an
// escape could reach another entry. It uses no regular expression, because every read calls it
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

// CheckPath checks a mount or a base path: valid segments, separated by slashes.
func CheckPath(what, path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if CheckName(what, part) != nil {
			return vaulterr.Invalid("the %s %q is not a path like \"team/secret\"", what, truncate(path))
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

// Wildcard stands for any one segment in a policy's path. Requests cannot contain it.
const Wildcard = "+"

// Layout is where the entries are: below Base in the KV v2 mount Mount. CheckPath must accept
// both.
type Layout struct {
	Mount, Base string
	// Wildcards allows names with Wildcard, for the paths in policies.
	Wildcards bool
}

// Data returns the path of an entry's versions. No path here starts with "/v1/".
func (l Layout) Data(entry EntryName) (string, error) { return l.path("data", entry) }

// Metadata returns the path of an entry's metadata.
func (l Layout) Metadata(entry EntryName) (string, error) { return l.path("metadata", entry) }

// List returns the path of a directory. LIST requests and their policies need the final slash.
func (l Layout) List(dir EntryName) (string, error) {
	path, err := l.path("metadata", dir)
	return path + "/", err
}

// path builds every path. The result is always below Base.
func (l Layout) path(endpoint string, entry EntryName) (string, error) {
	for _, part := range entry {
		if l.Wildcards && part == Wildcard {
			continue
		}
		if err := CheckName("path segment", part); err != nil {
			return "", err
		}
	}
	return strings.Join(append([]string{l.Mount, endpoint, l.Base}, entry...), "/"), nil
}

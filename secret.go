package vaultkit

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"goblin/vaultkit/internal/kv"
)

// secret is one version of a provider's secret, as the cache holds it. It is never changed.
type secret struct {
	key     string      // the field "api_key"; empty where reading that field fails
	stored  []fieldText // sorted by name
	version int
	created time.Time
	blind   atomic.Bool // the token may not read the provider's metadata
}

type fieldText struct {
	name, text string
	err        error // not nil: the value is null, a list or an object
}

func newSecret(stored kv.Secret) *secret {
	s := &secret{version: stored.Version, created: stored.Created, stored: make([]fieldText, 0, len(stored.Data))}
	for name, value := range stored.Data {
		text, err := textOf(name, value)
		s.stored = append(s.stored, fieldText{name, text, err})
		if name == fieldAPIKey {
			s.key = text
		}
	}
	slices.SortFunc(s.stored, func(a, b fieldText) int { return strings.Compare(a.name, b.name) })
	return s
}

// field returns the text of one field. An empty field is an error.
func (s *secret) field(name string) (string, error) {
	for _, field := range s.stored {
		switch {
		case field.name != name:
		case field.err == nil && field.text == "":
			return "", s.missing(name, "the field is empty")
		default:
			return field.text, field.err
		}
	}
	return "", s.missing(name, hasFields(s.names()))
}

// hasFields returns a text that names the fields of a secret. Another tool may have written the
// names, so a name with control characters is quoted.
func hasFields(names []string) string {
	if len(names) == 0 {
		return "the secret has no fields"
	}
	shown := make([]string, len(names))
	for i, name := range names {
		if shown[i] = name; name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			shown[i] = strconv.QuoteToGraphic(name)
		}
	}
	return "the secret has the fields " + strings.Join(shown, ", ")
}

func (s *secret) missing(name, detail string) error {
	return &Error{Kind: ErrFieldMissing, Field: name, Version: s.version, Detail: detail}
}

func (s *secret) names() []string {
	names := make([]string, len(s.stored))
	for i, field := range s.stored {
		names[i] = field.name
	}
	return names
}

// keys returns all fields, in a new map.
func (s *secret) keys() (ProviderKeys, error) {
	keys := make(ProviderKeys, len(s.stored))
	for _, field := range s.stored {
		if field.err != nil {
			return nil, field.err
		}
		keys[field.name] = field.text
	}
	return keys, nil
}

// behind reports whether a came from a server that has not yet seen b: its version and its time are
// both older. The time alone does not tell, because the clock of a new leader may be behind that of
// the leader before.
func behind(a, b *secret) bool { return a.version < b.version && a.created.Before(b.created) }

// newer reports whether a was stored after b.
func newer(a, b *secret) bool {
	if a.created.Equal(b.created) {
		return a.version > b.version
	}
	return a.created.After(b.created)
}

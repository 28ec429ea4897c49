package protocol

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shortKey is the length in bytes below which a key is compared only with the same
// field: a shorter text stands in other texts by chance.
const minLongKey = 8

// KeyText is the text that makes two values the same key: a string without the white
// space at its ends, or a number as Vault keeps it. Nothing else is a key, nor is a
// string that is blank.
func KeyText(value any) (text string, isKey bool) {
	switch value := value.(type) {
	case nil, bool:
		return "", false
	case string:
		text = strings.TrimSpace(value)
		return text, text != ""
	}
	stored, err := json.Marshal(value)
	if err != nil {
		return "", false
	}
	var number float64
	if err := json.Unmarshal(stored, &number); err != nil {
		return "", false
	}
	stored, err = json.Marshal(number)
	return string(stored), err == nil
}

// InForce reports that a secret still holds a key that once stood in a field, and the
// field it was found in. A long key is found inside any text of the secret, percent-encoded
// or not, and counts as found too where a long text of the secret stands inside it. A short
// key is found only as the same field's value.
func InForce(secret map[string]any, field string, key any) (found string, inForce bool) {
	text, isKey := KeyText(key)
	if !isKey {
		return "", false
	}
	if len(text) < minLongKey {
		current, _ := KeyText(secret[field])
		return field, current == text
	}
	for name, value := range secret {
		if overlaps(value, text) {
			return name, true
		}
	}
	return "", false
}

// overlaps looks at every text in a value, which may be a list or an object that
// somebody else stored.
func overlaps(value any, key string) bool {
	switch value := value.(type) {
	case map[string]any:
		return overlaps(slices.Collect(maps.Values(value)), key)
	case []any:
		return slices.ContainsFunc(value, func(inner any) bool { return overlaps(inner, key) })
	}
	text, _ := KeyText(value)
	for _, form := range []string{text, percentDecoded(text)} {
		if strings.Contains(form, key) || len(form) >= minLongKey && strings.Contains(key, form) {
			return true
		}
	}
	return false
}

var percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// percentDecoded decodes what is percent-encoded in a text and leaves the rest: the text
// need not be a URL as a whole.
func percentDecoded(text string) string {
	return percentEncoded.ReplaceAllStringFunc(text, func(code string) string {
		char, _ := strconv.ParseUint(code[1:], 16, 8) // two hex digits always parse
		return string([]byte{byte(char)})
	})
}

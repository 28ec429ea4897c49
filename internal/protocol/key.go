package protocol

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minLongKey is the length in bytes from which a key is compared with every field. A shorter
// text may occur in other fields by chance, so it is compared only with the same field.
const minLongKey = 8

// KeyText returns the text that makes two values the same key: a string without white space
// around it, or a number as Vault stores it. Other values and blank strings are not keys.
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

// InForce reports whether a secret contains a key that was once the value of field, and returns
// the field where it is found. A long key is found inside any text of the secret, also
// percent-encoded, and if it contains a long text of the secret. A short key is found only as
// the value of the same field.
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

// overlaps reports whether the key is found in any text of a value, which may be a list or an
// object that a foreign writer has stored.
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

// percentDecoded decodes the percent-encoded characters of a text. The text need not be a URL.
func percentDecoded(text string) string {
	return percentEncoded.ReplaceAllStringFunc(text, func(code string) string {
		char, _ := strconv.ParseUint(code[1:], 16, 8) // two hex digits always parse
		return string([]byte{byte(char)})
	})
}

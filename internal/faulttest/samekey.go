package faulttest

import (
	"encoding/json"
	"net/url"
	"strings"
)

// shortest is the length from which on a text is a key wherever it stands. A shorter one
// is the same key only in the same field.
const minLongKey = 8

// textOf is a value as a key: a text without white space around it, or a number.
// Booleans and null are no keys.
func keyText(value any) string {
	switch value := value.(type) {
	case string:
		return strings.TrimSpace(value)
	case json.Number:
		return value.String()
	}
	return ""
}

// holds reports that a secret has the key, as somebody knows it who has fingerprints
// alone.
func hasKey(secret map[string]any, field, key string) bool {
	if len(key) < minLongKey {
		return key != "" && keyText(secret[field]) == key
	}
	for _, value := range secret {
		if keyText(value) == key {
			return true
		}
	}
	return false
}

// contains reports that a secret has the key in any form that somebody knows again who
// has the key itself: within another text, or percent-encoded.
func containsKey(secret map[string]any, field, key string) bool {
	if len(key) < minLongKey {
		return hasKey(secret, field, key)
	}
	for _, value := range secret {
		text := keyText(value)
		decoded, err := url.PathUnescape(text)
		if err != nil {
			decoded = text
		}
		if strings.Contains(text, key) || strings.Contains(decoded, key) || len(text) >= minLongKey && strings.Contains(key, text) {
			return true
		}
	}
	return false
}

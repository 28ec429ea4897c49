package faulttest

import (
	"encoding/json"
	"net/url"
	"strings"
)

// minLongKey is the length from which a text is compared with every field. A shorter text is
// the same key only in the same field.
const minLongKey = 8

// keyText returns a value as a key: a text without white space around it, or a number. Booleans
// and null are not keys.
func keyText(value any) string {
	switch value := value.(type) {
	case string:
		return strings.TrimSpace(value)
	case json.Number:
		return value.String()
	}
	return ""
}

// hasKey reports whether a secret has the key, as a client that has only fingerprints can tell.
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

// containsKey reports whether a secret contains the key in any form that a client with the key
// itself recognizes: inside another text, or percent-encoded.
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

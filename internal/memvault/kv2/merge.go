package kv2

import (
	"bytes"
	"encoding/json"
	"maps"
)

// mergeObject applies a JSON merge patch to an object: a null removes a member, an object
// merges into an object, everything else replaces.
func mergeObject(old, patch map[string]any) map[string]any {
	merged := maps.Clone(old)
	for name, value := range patch {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = merge(merged[name], value)
	}
	return merged
}

func merge(old, patch any) any {
	before, wasObject := old.(map[string]any)
	if !wasObject {
		return withoutNulls(patch)
	}
	if object, is := patch.(map[string]any); is {
		return mergeObject(before, object)
	}
	return patch
}

// withoutNulls removes the null members of objects. The null elements of an array stay.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := make(map[string]any)
		for name, inner := range v {
			if inner != nil {
				kept[name] = withoutNulls(inner)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, inner := range v {
			kept[i] = withoutNulls(inner)
		}
		return kept
	default:
		return value
	}
}

// decodeExactly keeps the texts of numbers, as Vault does not.
func decodeExactly(text []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(out)
}

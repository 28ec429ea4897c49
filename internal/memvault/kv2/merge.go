package kv2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
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

// encodeAfter encodes an object with the members that were in the old one first, as the real
// engine's merge leaves them.
func encodeAfter(old, merged map[string]any) ([]byte, error) {
	var kept, added []string
	for name := range merged {
		if _, was := old[name]; was {
			kept = append(kept, name)
		} else {
			added = append(added, name)
		}
	}
	slices.Sort(kept)
	slices.Sort(added)
	var out bytes.Buffer
	for _, name := range append(kept, added...) {
		text, err := encodeMember(old[name], merged[name])
		if err != nil {
			return nil, err
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, ",%s:%s", key, text)
	}
	return fmt.Appendf(nil, "{%s}", bytes.TrimPrefix(out.Bytes(), []byte(","))), nil
}

func encodeMember(old, merged any) ([]byte, error) {
	object, is := merged.(map[string]any)
	if !is {
		return json.Marshal(merged)
	}
	before, _ := old.(map[string]any)
	return encodeAfter(before, object)
}

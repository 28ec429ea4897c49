// Package protocol is the part of the rotation protocol without I/O, clock or state: canonical
// JSON, ids and fingerprints, the rule that decides the outcome of a rotation, and the stored
// formats.
package protocol

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxCanonical is the largest secret that a rotation accepts, in bytes of canonical JSON. Raft
// storage accepts entries of at most 1 MiB. Vault answers a larger one with status 500, which
// looks like an outage, so the limit is half of that.
const MaxCanonical = 512 << 10

// Canonical returns the JSON that Vault would return for fields: it converts numbers to
// float64, as the server does, and sorts names. It refuses values that the server would change:
// numbers that float64 cannot hold, and invalid UTF-8. Its errors name fields and never contain
// values.
func Canonical(fields map[string]any) ([]byte, error) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("a field name is not valid UTF-8")
		}
		if err := checkLossless(fields[name]); err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
	}
	once, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("the fields cannot be written as JSON")
	}
	var parsed map[string]any
	if err := json.Unmarshal(once, &parsed); err != nil {
		return nil, fmt.Errorf("the fields cannot be read back from JSON")
	}
	canonical, err := json.Marshal(parsed)
	if err != nil {
		return nil, fmt.Errorf("the fields cannot be written as JSON")
	}
	return canonical, nil
}

// CanonicalToStore is Canonical for a secret that will be written: it also refuses one that is
// larger than MaxCanonical. A secret of a foreign writer may be larger.
func CanonicalToStore(fields map[string]any) ([]byte, error) {
	canonical, err := Canonical(fields)
	if err == nil && len(canonical) > MaxCanonical {
		return nil, fmt.Errorf("the secret is %d bytes of JSON, but the limit is %d", len(canonical), MaxCanonical)
	}
	return canonical, err
}

// checkLossless refuses a value that Vault would return as another value.
func checkLossless(value any) error {
	switch v := value.(type) {
	case nil, bool:
		return nil
	case string:
		return validText(v)
	case json.Number:
		return exactNumber(v.String())
	case map[string]any:
		for name, inner := range v {
			if err := validText(name); err != nil {
				return err
			}
			if err := checkLossless(inner); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, inner := range v {
			if err := checkLossless(inner); err != nil {
				return err
			}
		}
		return nil
	}
	return checkLosslessNumber(reflect.ValueOf(value))
}

func checkLosslessNumber(v reflect.Value) error {
	switch {
	case v.CanInt():
		return exactNumber(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		return exactNumber(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat():
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("the number is not finite")
		}
		return nil
	}
	return fmt.Errorf("a value of type %s is not text, a number or a boolean", v.Type())
}

func validText(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("the text is not valid UTF-8")
	}
	return nil
}

// exactNumber accepts a decimal number that float64 prints as the same number: it accepts 0.1
// and refuses 9007199254740993.
func exactNumber(text string) error {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f == 0 && strings.ContainsAny(mantissa(text), "123456789") {
		return fmt.Errorf("the number does not fit a float64, and Vault stores numbers as float64")
	}
	if f == 0 {
		return nil // zero, with any exponent
	}
	asked, ok := new(big.Rat).SetString(text)
	kept, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	if !ok || asked.Cmp(kept) != 0 {
		return fmt.Errorf("the number loses digits in a float64, and Vault stores numbers as float64: store it as text")
	}
	return nil
}

func mantissa(text string) string {
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	return digits
}

// Merge returns old with changes applied. Other fields keep their value and type.
func Merge(old, changes map[string]any) map[string]any {
	merged := maps.Clone(old)
	if merged == nil {
		merged = make(map[string]any, len(changes))
	}
	maps.Copy(merged, changes)
	return merged
}

// OnlyIn returns the names of the fields that secret has and other does not, sorted.
func OnlyIn(secret, other map[string]any) (names []string) {
	for name := range secret {
		if _, has := other[name]; !has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ChangedFields returns the names of the fields whose values differ, sorted. It includes fields
// that only one of the two secrets has.
func ChangedFields(old, next map[string]any) []string {
	changed := []string{}
	for name, value := range next {
		if before, had := old[name]; !had || !sameJSON(before, value) {
			changed = append(changed, name)
		}
	}
	changed = append(changed, OnlyIn(old, next)...)
	slices.Sort(changed)
	return changed
}

func sameJSON(a, b any) bool {
	one, err1 := Canonical(map[string]any{"v": a})
	two, err2 := Canonical(map[string]any{"v": b})
	return err1 == nil && err2 == nil && string(one) == string(two)
}

// Package field converts the parameters of a request to the types that an endpoint wants.
// It is as lenient as Vault, whose clients may send "5", 5 or true for a number, and it
// refuses with Vault's texts.
package field

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Kind is the type of a parameter.
type Kind int

// The kinds. A value of a kind has the Go type in the comment.
const (
	String         Kind = iota // string
	Bool                       // bool
	Int                        // int
	Map                        // map[string]any
	Duration                   // time.Duration in whole seconds, not negative
	SignedDuration             // time.Duration in whole seconds
	Ints                       // []int, or a comma-separated string
	Strings                    // []string, or a comma-separated string
	Pairs                      // map[string]string
	Unsupported                // refused by name if it is given
)

// zeros holds the value of each kind's absent parameter.
var zeros = map[Kind]any{
	String: "", Bool: false, Int: 0, Map: map[string]any{}, Duration: time.Duration(0), SignedDuration: time.Duration(0),
	Ints: []int{}, Strings: []string{}, Pairs: map[string]string{},
}

// Zero returns the value of an absent parameter.
func (k Kind) Zero() any { return zeros[k] }

// Convert converts a decoded JSON value or a query's string. The value is nil for a null
// that counts as absent.
func (k Kind) Convert(raw any) (any, error) {
	switch k {
	case String:
		return toString("", raw)
	case Bool:
		return toBool("", raw)
	case Int:
		return toInt("", raw)
	case Map:
		return toMap("", raw)
	case Duration, SignedDuration:
		return k.toDuration(raw)
	case Ints:
		return toInts(raw)
	case Strings:
		return toStrings(raw)
	case Pairs:
		return toPairs(raw)
	default:
		return nil, fmt.Errorf("unknown field type %d", k)
	}
}

// IsZero reports whether a value asks for nothing: null, false, zero, or empty.
func IsZero(raw any) bool {
	switch v := raw.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || v == "false"
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	default:
		return false
	}
}

// ToString converts a value as a parameter of kind String is.
func ToString(raw any) (string, error) { return toString("", raw) }

// ToInt converts a value as a parameter of kind Int is.
func ToInt(raw any) (int, error) { return toInt("", raw) }

// unconvertible is the error of a value of a wrong type.
func unconvertible(name, want string, raw any) error {
	return fmt.Errorf("'%s' expected type '%s', got unconvertible type '%s', value: '%v'", name, want, reflect.TypeOf(raw), raw)
}

func toString(name string, raw any) (string, error) {
	switch v := raw.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	default:
		return "", unconvertible(name, "string", raw)
	}
}

func toBool(name string, raw any) (bool, error) {
	switch v := raw.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		return parseBool(name, v)
	case json.Number:
		return parseBool(name, v.String())
	default:
		return false, unconvertible(name, "bool", raw)
	}
}

func parseBool(name, text string) (bool, error) {
	if text == "" {
		return false, nil
	}
	is, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("cannot parse '%s' as bool: %w", name, err)
	}
	return is, nil
}

func toInt(name string, raw any) (int, error) {
	switch v := raw.(type) {
	case nil:
		return 0, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case string:
		return parseInt(name, v)
	case json.Number:
		return parseInt(name, v.String())
	default:
		return 0, unconvertible(name, "int", raw)
	}
}

// parseInt also reads 0x10 and 1_000, as Vault does.
func parseInt(name, text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("cannot parse '%s' as int: %w", name, err)
	}
	return int(n), nil
}

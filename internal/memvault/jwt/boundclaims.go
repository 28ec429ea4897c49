package jwt

import (
	"encoding/json"
	"fmt"
	"strconv"

	"goblin/vaultkit/internal/memvault/token"
)

// claim returns a claim by its name. A number becomes the text of its integer, as the
// role's values are texts of numbers too.
func (t *Token) claim(name string) any {
	value := t.Claims[name]
	if number, ok := value.(float64); ok {
		return json.Number(strconv.Itoa(int(number)))
	}
	return value
}

// checkBound checks that each claim has one of the values bound to it.
func (t *Token) checkBound(bound map[string]any, globs bool) error {
	for name, wanted := range bound {
		value := t.claim(name)
		if value == nil {
			return fmt.Errorf("claim %q is missing", name)
		}
		has, ok := asList(value)
		if !ok {
			return fmt.Errorf("received claim is not a string, bool, int or list: %v", value)
		}
		wants, ok := asList(wanted)
		if !ok {
			return fmt.Errorf("bound claim is not a string, bool, int or list: %v", wanted)
		}
		if !anyMatches(wants, has, globs) {
			return fmt.Errorf("claim %q does not match any associated bound claim values", name)
		}
	}
	return nil
}

func asList(value any) ([]any, bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case string, bool, json.Number:
		return []any{v}, true
	}
	return nil, false
}

func anyMatches(wants, has []any, globs bool) bool {
	for _, want := range wants {
		for _, one := range has {
			if matches(want, one, globs) {
				return true
			}
		}
	}
	return false
}

func matches(want, value any, globs bool) bool {
	if !globs {
		return want == value
	}
	pattern, ok1 := want.(string)
	text, ok2 := value.(string)
	return ok1 && ok2 && token.Glob(pattern, text)
}

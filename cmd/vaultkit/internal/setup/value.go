package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// claims are the bound claims of a role: each must have one of the values.
type claims map[string][]string

// wireValue returns a value as it is sent to Vault.
func wireValue(value any) any {
	switch v := value.(type) {
	case time.Duration:
		return int(v.Seconds())
	case policyText:
		return v.text
	case claims:
		sent := map[string]any{}
		for name, values := range v {
			sent[name] = values
			if len(values) == 1 {
				sent[name] = values[0]
			}
		}
		return sent
	}
	return value
}

// sameValue reports whether Vault has a value. Vault returns times in seconds, and lists in an
// order of its own; a missing value is the zero value.
func sameValue(want, current any) bool {
	switch v := want.(type) {
	case string:
		text, ok := current.(string)
		return text == v && (ok || current == nil)
	case policyText:
		return v.text == current
	case bool:
		is, ok := current.(bool)
		return is == v && (ok || current == nil)
	case int:
		return sameNumber(v, current)
	case time.Duration:
		return sameNumber(int(v.Seconds()), current)
	case []string:
		return sameList(v, current)
	case claims:
		return sameClaims(v, current)
	}
	return false
}

func sameNumber(want int, current any) bool {
	if current == nil {
		return want == 0
	}
	number, ok := current.(json.Number)
	return ok && number.String() == strconv.Itoa(want)
}

// sameList compares without order.
func sameList(want []string, current any) bool {
	texts, ok := texts(current)
	return ok && slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(texts)))
}

// texts returns a value of Vault as a list: nothing, one text, or a list of texts.
func texts(current any) (list []string, ok bool) {
	switch v := current.(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []any:
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}

func sameClaims(want claims, current any) bool {
	object, ok := current.(map[string]any)
	if !ok || len(object) != len(want) {
		return false
	}
	for name, values := range want {
		if got, has := object[name]; !has || !sameList(values, got) {
			return false
		}
	}
	return true
}

// show returns a value for people.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return "none"
	case string:
		return v
	case time.Duration:
		return shortDuration(v)
	case []string:
		return strings.Join(v, ", ")
	case claims:
		return showClaims(v)
	case []any:
		if list, ok := texts(v); ok {
			return strings.Join(list, ", ")
		}
	case map[string]any:
		if found, ok := claimsOf(v); ok {
			return showClaims(found)
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func claimsOf(object map[string]any) (found claims, ok bool) {
	found = claims{}
	for name, value := range object {
		if found[name], ok = texts(value); !ok {
			return nil, false
		}
	}
	return found, true
}

// shownClaims returns the bound claims of a role as texts: a value can be a number, too.
func shownClaims(object map[string]any) claims {
	found := claims{}
	for name, value := range object {
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, one := range list {
			found[name] = append(found[name], show(one))
		}
	}
	return found
}

func showClaims(c claims) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, name+"="+strings.Join(c[name], "|"))
	}
	return strings.Join(parts, ", ")
}

// showLike returns a value of Vault in the form of the value that it should be.
func showLike(want, current any) string {
	number, ok := current.(json.Number)
	if _, isTime := want.(time.Duration); !ok || !isTime {
		return show(current)
	}
	seconds, err := number.Int64()
	if err != nil {
		return number.String()
	}
	return shortDuration(time.Duration(seconds) * time.Second)
}

// shortDuration returns 10m and not 10m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if head, ok := strings.CutSuffix(text, zero); ok {
			text = head + zero[:1]
		}
	}
	return cmp.Or(text, "0s")
}

// isZero reports whether a value is what a new object has anyway.
func isZero(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case bool:
		return !v
	case int:
		return v == 0
	case time.Duration:
		return v == 0
	case []string:
		return len(v) == 0
	}
	return false
}

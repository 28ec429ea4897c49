package acl

import (
	"reflect"
	"strings"
)

const everyParameter = "*"

// allow reports whether the parameters of a request keep to the limits. Only required
// parameters limit a request without any.
func (p parameters) allow(data map[string]any, valueAllowed func(any, []any) bool) bool {
	for _, name := range p.required {
		if _, ok := data[strings.ToLower(name)]; !ok {
			return false
		}
	}
	return len(data) == 0 || !p.deny(data) && p.permit(data, valueAllowed)
}

func (p parameters) deny(data map[string]any) bool {
	if _, all := p.denied[everyParameter]; all {
		return true
	}
	for name, value := range data {
		if values, ok := p.denied[strings.ToLower(name)]; ok && valueDenied(value, values) {
			return true
		}
	}
	return false
}

func (p parameters) permit(data map[string]any, valueAllowed func(any, []any) bool) bool {
	_, others := p.allowed[everyParameter]
	if len(p.allowed) == 0 {
		return true
	}
	for name, value := range data {
		values, named := p.allowed[strings.ToLower(name)]
		if !named && !others || named && !valueAllowed(value, values) {
			return false
		}
	}
	return true
}

// valueAllowed allows a list, or a string that is a list with commas, if each element is
// allowed.
func valueAllowed(value any, list []any) bool {
	if len(list) == 0 || inList(value, list) {
		return true
	}
	parts, ok := elements(value)
	for _, part := range parts {
		ok = ok && inList(part, list)
	}
	return ok
}

// valueDenied denies a list if any of its elements is denied.
func valueDenied(value any, list []any) bool {
	if len(list) == 0 || inList(value, list) {
		return true
	}
	parts, _ := elements(value)
	for _, part := range parts {
		if inList(part, list) {
			return true
		}
	}
	return false
}

func elements(value any) (parts []any, ok bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case string:
		return commaSeparated(v), true
	}
	return nil, false
}

func commaSeparated(text string) []any {
	if text == "" {
		return nil
	}
	var parts []any
	for part := range strings.SplitSeq(text, ",") {
		parts = append(parts, strings.TrimSpace(part))
	}
	return parts
}

func inList(value any, list []any) bool {
	for _, one := range list {
		if pattern, ok := one.(string); ok {
			if text, ok := value.(string); ok && globMatches(pattern, text) {
				return true
			}
		} else if reflect.DeepEqual(one, value) {
			return true
		}
	}
	return false
}

// globMatches gives * a meaning at the start and at the end of a pattern only. A pattern
// of one character has none.
func globMatches(pattern, text string) bool {
	if len(pattern) < 2 {
		return pattern == text
	}
	rest, open := strings.CutPrefix(pattern, "*")
	rest, more := strings.CutSuffix(rest, "*")
	switch {
	case open && more:
		return strings.Contains(text, rest)
	case open:
		return strings.HasSuffix(text, rest)
	case more:
		return strings.HasPrefix(text, rest)
	}
	return text == pattern
}

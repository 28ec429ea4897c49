package field

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// toMap converts an object. A list of objects becomes their union, a null a nil map.
func toMap(name string, raw any) (map[string]any, error) {
	switch v := raw.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = value
		}
		return out, nil
	case []any:
		return union(name, v)
	default:
		return nil, fmt.Errorf("'%s' expected a map, got '%s'", name, reflect.TypeOf(raw).Kind())
	}
}

func union(name string, list []any) (map[string]any, error) {
	var all map[string]any
	if len(list) == 0 {
		all = map[string]any{}
	}
	for i, one := range list {
		part, err := toMap(indexed(name, i), one)
		if err != nil {
			return nil, err
		}
		if all == nil && part != nil {
			all = map[string]any{}
		}
		for key, value := range part {
			all[key] = value
		}
	}
	return all, nil
}

func indexed(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }

// toList makes a list of anything: a null is an empty one, an empty object too, and any
// other single value a list of one.
func toList(raw any) []any {
	switch v := raw.(type) {
	case nil:
		return nil
	case []any:
		return v
	case []string: // a query with the parameter more than once
		list := make([]any, len(v))
		for i, text := range v {
			list[i] = text
		}
		return list
	case map[string]any:
		if len(v) == 0 {
			return nil
		}
	}
	return []any{raw}
}

func splitCommas(raw any) any {
	if number, ok := raw.(json.Number); ok {
		raw = number.String()
	}
	text, ok := raw.(string)
	if !ok {
		return raw
	}
	if text == "" {
		return []any{}
	}
	return toList(strings.Split(text, ","))
}

func toInts(raw any) ([]int, error) {
	list := toList(splitCommas(raw))
	out := make([]int, len(list))
	var texts []string
	for i, one := range list {
		n, err := toInt(indexed("", i), one)
		if err != nil {
			texts = append(texts, err.Error())
		}
		out[i] = n
	}
	return out, decoding(texts)
}

func toStrings(raw any) ([]string, error) {
	list := toList(splitCommas(raw))
	out := make([]string, 0, len(list))
	var texts []string
	for i, one := range list {
		text, err := toString(indexed("", i), one)
		if err != nil {
			texts = append(texts, err.Error())
		}
		out = append(out, strings.TrimSpace(text))
	}
	return out, decoding(texts)
}

// toPairs converts an object of texts, or a list of "name=text".
func toPairs(raw any) (map[string]string, error) {
	if object, err := toMap("", raw); err == nil {
		out := make(map[string]string, len(object))
		for name, value := range object {
			text, err := toString("", value)
			if err != nil {
				return nil, unconvertible("", "string", raw)
			}
			out[name] = text
		}
		return out, nil
	}
	out := make(map[string]string)
	for _, one := range toList(raw) {
		text, err := toString("[0]", one)
		if err != nil {
			return nil, err
		}
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("invalid key pair %q", text)
		}
		out[name] = value
	}
	return out, nil
}

// decoding lists the errors of a collection's elements.
func decoding(texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	points := make([]string, len(texts))
	for i, text := range texts {
		points[i] = "* " + text
	}
	sort.Strings(points)
	return fmt.Errorf("%d error(s) decoding:\n\n%s", len(texts), strings.Join(points, "\n"))
}

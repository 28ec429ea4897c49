//go:build unix

package main

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// jsonkeys fails the script unless an object has exactly these keys.
func (s *script) jsonkeys(args []string) {
	object, ok := s.json(args[0]).(map[string]any)
	if want := slices.Sorted(slices.Values(args[1:])); !ok || keysOf(object) != strings.Join(want, " ") {
		s.Fatalf("keys at %s = %s, want %s", args[0], keysOf(object), strings.Join(want, " "))
	}
}

// jsonis fails the script unless a value is the given one: a string as it is, anything
// else as JSON.
func (s *script) jsonis(args []string) {
	if got := s.text(args[0]); got != args[1] {
		s.Fatalf("value at %s = %s, want %s", args[0], got, args[1])
	}
}

// jsonlen fails the script unless an array has the given length.
func (s *script) jsonlen(args []string) {
	list, ok := s.json(args[0]).([]any)
	if !ok || strconv.Itoa(len(list)) != args[1] {
		s.Fatalf("value at %s = %s, want an array of %s", args[0], s.text(args[0]), args[1])
	}
}

// jsonlet sets a variable of the script to a value.
func (s *script) jsonlet(args []string) { s.Setenv(args[0], s.text(args[1])) }

// text returns a value in the form that jsonis compares.
func (s *script) text(path string) string {
	value := s.json(path)
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	s.Check(err)
	return string(text)
}

// json returns the value at a path such as 0.vault_request_ids.commit in the document on
// stdout; "." is the whole document.
func (s *script) json(path string) any {
	var value any
	s.Check(json.Unmarshal([]byte(s.ReadFile("stdout")), &value))
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		var found bool
		switch in := value.(type) {
		case map[string]any:
			value, found = in[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				value, found = in[i], true
			}
		}
		if !found {
			s.Fatalf("the JSON has no %s at %s, want it", step, path)
		}
	}
	return value
}

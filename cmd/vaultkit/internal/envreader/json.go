package envreader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// member is one name and value of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// jsonObject reads {"NAME": "value"}, {"provider": {"field": "value"}}, both in one object, or what
// vaultkit get --all --json prints.
func jsonObject(text string) ([]Item, error) {
	members, err := members([]byte(text))
	if err != nil {
		return nil, err
	}
	if provider, fields, is := printedByGet(members); is {
		members = []member{{provider, fields}}
	}
	var found unique
	for _, m := range members {
		if m.name == "" {
			return nil, errors.New("has a value without a name")
		}
		items := []Item{jsonItem(m)}
		if m.value[0] == '{' {
			if items, err = fieldsOf(m); err != nil {
				return nil, err
			}
		}
		for _, item := range items {
			if err := found.add(item); err != nil {
				return nil, err
			}
		}
	}
	return found.items, nil
}

// members returns the members of an object, in order. Two of the same name both count.
func members(text []byte) (found []member, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, jsonError(err)
	}
	for decoder.More() {
		name, err := decoder.Token() // in an object, the decoder accepts only a string here
		if err != nil {
			return nil, jsonError(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, jsonError(err)
		}
		found = append(found, member{name.(string), value})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, jsonError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has text after the JSON object")
	}
	return found, nil
}

// jsonError returns an error without the text that encoding/json repeats.
func jsonError(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not valid JSON, at byte %d", syntax.Offset)
	}
	return errors.New("is not a JSON object")
}

// printedByGet recognizes {"provider": "p", "fields": {…}}.
func printedByGet(members []member) (provider string, fields json.RawMessage, is bool) {
	if len(members) != 2 || members[0].name != "provider" || members[1].name != "fields" || members[1].value[0] != '{' {
		return "", nil, false
	}
	return provider, members[1].value, json.Unmarshal(members[0].value, &provider) == nil
}

// fieldsOf returns the fields of a provider.
func fieldsOf(provider member) (items []Item, err error) {
	fields, err := members(provider.value)
	for _, field := range fields {
		item := jsonItem(field)
		item.Name, item.Provider, item.Field = "", provider.name, field.name
		items = append(items, item)
	}
	return items, err
}

// jsonItem reads text, and numbers and booleans as their JSON text, as vaultkit reads them from Vault.
func jsonItem(m member) Item {
	item := Item{Name: m.name}
	switch m.value[0] {
	case '"':
		_ = json.Unmarshal(m.value, &item.Value) // the decoder has checked it
		if count := strings.Count(item.Value, string(utf8.RuneError)); count > replacements(m.value) {
			item.Problem = `contains half of a surrogate pair, such as \ud800, which is no character`
		}
	case '{', '[', 'n':
		item.Problem = "is null, a list or an object, not text"
	default:
		item.Value = string(m.value)
	}
	return item
}

// replacements counts the characters U+FFFD in a JSON string that are meant.
func replacements(text []byte) int {
	return strings.Count(string(text), string(utf8.RuneError)) + strings.Count(strings.ToLower(string(text)), `\ufffd`)
}

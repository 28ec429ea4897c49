// Package envreader reads the variables of files: .env files, what vaultkit env writes, and JSON.
// It is strict: a text that the usual readers of such files read differently is refused, and not
// guessed. No error and no formatting shows a value.
package envreader

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format is how a file is written.
type Format string

// The formats. Auto is JSON for a text that starts with {, sh for one whose lines are written as
// vaultkit env writes them, and dotenv otherwise.
const (
	Auto   Format = "auto"
	Dotenv Format = "dotenv"
	Sh     Format = "sh"
	Docker Format = "docker"
	JSON   Format = "json"
)

var decoders = map[Format]func(string) ([]Item, error){Dotenv: dotenv, Sh: sh, Docker: docker, JSON: jsonObject}

// Formats returns the names of all formats.
func Formats() []string {
	names := []string{string(Auto)}
	for _, format := range slices.Sorted(maps.Keys(decoders)) {
		names = append(names, string(format))
	}
	return names
}

// Item is one value of a file.
type Item struct {
	Name            string // of a variable; empty: Provider and Field are set
	Provider, Field string // in JSON like {"openai": {"api_key": "…"}}
	Value           string
	Line            int    // 0: unknown
	Problem         string // why the value cannot be used; empty: it can
}

// ID returns the name of the item for --map: NAME or PROVIDER/FIELD.
func (i Item) ID() string {
	if i.Name != "" {
		return i.Name
	}
	return i.Provider + "/" + i.Field
}

// namePattern matches what is surely a name in a line. A part of a key, such as the last line of a
// PEM text without quotes, has longer words, or capitals and small letters in one word.
var namePattern = namesOf(`[A-Z0-9]{1,20}|[a-z]{1,20}[0-9]{0,3}`)

// entryPattern matches what is surely a name in JSON or Vault, such as openaiApiKey or gpt4o. A key
// there has longer words, or more digits.
var entryPattern = namesOf(`[A-Z0-9]{1,20}|[A-Za-z]{1,20}([0-9]{1,3}([A-Za-z]{1,20}[0-9]{0,3})?)?`)

// namesOf returns the pattern of names of one or several such words.
func namesOf(word string) *regexp.Regexp {
	return regexp.MustCompile(`^_*(` + word + `)([_./-]+(` + word + `))*_*$`)
}

// Label returns the item's name for people, or its line if the name may be a part of a key.
func (i Item) Label() string {
	pattern := entryPattern
	if i.Line > 0 {
		pattern = namePattern
	}
	switch {
	case len(i.ID()) <= 80 && pattern.MatchString(i.ID()):
		return i.ID()
	case i.Line > 0:
		return fmt.Sprintf("line %d", i.Line)
	}
	return "a name that is not shown, because it may be a key"
}

// Format prints the label, without the value, under every verb.
func (i Item) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.Label()) }

// Decode reads a file. It returns the format that it found.
func Decode(format Format, content []byte) (Format, []Item, error) {
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	switch {
	case bytes.IndexByte(content, 0) >= 0:
		return format, nil, fmt.Errorf("contains a NUL byte: it is not a text file")
	case !utf8.Valid(content):
		return format, nil, fmt.Errorf("is not valid UTF-8")
	}
	text := string(content)
	if format == Auto {
		format = detect(text)
	}
	decode, known := decoders[format]
	if !known {
		return format, nil, fmt.Errorf("has an unknown format")
	}
	items, err := decode(text)
	return format, items, err
}

// detect returns the format of a text. Only vaultkit ends every variable of a file with a semicolon.
func detect(text string) Format {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return JSON
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "export ") && strings.HasSuffix(strings.TrimSpace(text), "';") {
			return Sh
		}
		break
	}
	return Dotenv
}

// unique collects items, and refuses a name that is there already.
type unique struct {
	items []Item
	lines map[string]int
}

func (u *unique) add(item Item) error {
	if u.lines == nil {
		u.lines = make(map[string]int)
	}
	if first, again := u.lines[item.ID()]; again {
		if item.Line == 0 {
			return fmt.Errorf("has %s twice: remove one of them", item.Label())
		}
		return fmt.Errorf("sets the variable of line %d again in line %d: remove one of them", first, item.Line)
	}
	u.lines[item.ID()] = item.Line
	u.items = append(u.items, item)
	return nil
}

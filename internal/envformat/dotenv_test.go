package envformat_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"goblin/vaultkit/internal/envformat"
)

// Parts of the grammar of python-dotenv: src/dotenv/parser.py and variables.py, version 1.2.
var (
	pythonKey    = regexp.MustCompile(`^(?:export[^\S\r\n]+)?([^=#\s]+)[^\S\r\n]*=[^\S\r\n]*`)
	pythonSingle = regexp.MustCompile(`^'((?:\\'|[^'])*)'`)
	pythonDouble = regexp.MustCompile(`^"((?:\\"|[^"])*)"`)
	pythonBare   = regexp.MustCompile(`^[^\r\n]*`)
	pythonNote   = regexp.MustCompile(`[\s\p{Z}\x{85}\x1c-\x1f]+#.*`)
	pythonEnd    = regexp.MustCompile(`^(?:[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|$)`)
	pythonName   = regexp.MustCompile(`\$\{([^}:]*)(?::-([^}]*))?\}`)
	singleEscape = regexp.MustCompile(`\\[\\']`)
	doubleEscape = regexp.MustCompile(`\\[\\'"abfnrtv]`)
)

// pythonDotenv reads like dotenv_values. That opens a file with universal newlines and replaces
// variables in every value, also in quotes.
func pythonDotenv(content []byte) (variables, error) {
	read, text := variables{}, strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(content))
	for {
		if text = strings.TrimLeftFunc(text, pythonSpace); text == "" {
			return read, nil
		}
		name, value := "", ""
		if text[0] != '#' {
			key := pythonKey.FindStringSubmatch(text)
			if key == nil {
				return nil, errGrammar
			}
			name, text = key[1], text[len(key[0]):]
			var length int
			if value, length = pythonValue(text); length < 0 {
				return nil, errGrammar
			}
			text = text[length:]
		}
		end := pythonEnd.FindString(text)
		if end == "" && text != "" {
			return nil, errGrammar
		}
		if text = text[len(end):]; name != "" {
			read[name] = pythonName.ReplaceAllStringFunc(value, func(found string) string {
				parts := pythonName.FindStringSubmatch(found)
				if known, ok := read[parts[1]]; ok {
					return known
				}
				return parts[2]
			})
		}
	}
}

// pythonValue returns a value and the length of its text, which is negative if there is no
// value.
func pythonValue(text string) (value string, length int) {
	decode := func(escapes *regexp.Regexp, inside string) string {
		return escapes.ReplaceAllStringFunc(inside, func(escape string) string {
			if escape == `\'` {
				return "'"
			}
			r, _, _, _ := strconv.UnquoteChar(escape, '"')
			return string(r)
		})
	}
	for quote, form := range map[string]struct{ value, escapes *regexp.Regexp }{`'`: {pythonSingle, singleEscape}, `"`: {pythonDouble, doubleEscape}} {
		if !strings.HasPrefix(text, quote) {
			continue
		}
		found := form.value.FindStringSubmatch(text)
		if found == nil {
			return "", -1
		}
		return decode(form.escapes, found[1]), len(found[0])
	}
	bare := pythonBare.FindString(text)
	return strings.TrimRightFunc(pythonNote.ReplaceAllString(bare, ""), pythonSpace), len(bare)
}

func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= '\x1c' && r <= '\x1f' }

// Part of the grammar of Docker Compose: dotenv/parser.go of compose-go, version 2.
var composeEscape = regexp.MustCompile(`\\(?:[abcfnrtv$"\\]|0\d{0,3})`)

// composeDotenv reads like compose-go. It does not expand variables: a $ where compose-go looks
// for a variable is an error.
func composeDotenv(content []byte) (variables, error) {
	read, text := variables{}, string(content)
	for {
		if text = strings.TrimLeftFunc(text, unicode.IsSpace); text == "" {
			return read, nil
		}
		if text[0] == '#' {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		name, rest, found := strings.Cut(text, "=")
		if !found || envformat.CheckName(name) != nil {
			return nil, errGrammar
		}
		value, rest, err := composeValue(strings.TrimLeft(rest, "\t\v\f\r \u0085\u00a0"))
		if err != nil {
			return nil, err
		}
		read[name], text = value, rest
	}
}

func composeValue(text string) (value, rest string, err error) {
	quoted := strings.HasPrefix(text, "'") || strings.HasPrefix(text, `"`)
	if !quoted {
		value, rest, _ = strings.Cut(text, "\n")
		value, _, _ = strings.Cut(value, " #")
		return composeExpand(strings.TrimRightFunc(value, unicode.IsSpace), rest)
	}
	var inside strings.Builder
	escaped := false
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c != text[0] && c == '\\' && !escaped:
			escaped = true
			continue
		case c != text[0] && escaped:
			inside.WriteByte('\\')
		case c == text[0] && !escaped && c == '\'':
			return inside.String(), text[i+1:], nil
		case c == text[0] && !escaped:
			return composeExpand(composeEscape.ReplaceAllStringFunc(inside.String(), func(escape string) string {
				if r, _, _, err := strconv.UnquoteChar(escape, '"'); err == nil {
					return string(r)
				}
				return escape
			}), text[i+1:])
		}
		escaped = false
		inside.WriteByte(text[i])
	}
	return "", "", errGrammar
}

func composeExpand(value, rest string) (string, string, error) {
	if strings.Contains(value, "$") {
		return "", "", errGrammar
	}
	return value, rest, nil
}

// TestDotenv_IsReadAlikeByAllReaders checks that a value that python-dotenv would change is
// written in another form or refused.
func TestDotenv_IsReadAlikeByAllReaders(t *testing.T) {
	for value, form := range map[string]string{
		"sk-1": "'sk-1'", "$A": "'$A'", "${A": "'${A'", `a\b`: `'a\b'`, "a\nb": `"a\nb"`,
		`a\\b`: `a\\b`, `\\`: `\\`, // without quotes, where a backslash has no meaning
		"${A}": "", "a${}b": "", "${A:-b}": "", "it's ${A}": "", `a\\b $A`: "", `'\\'`: "", "a\\\\b\nc": "",
	} {
		content, err := envformat.Encode("dotenv", []envformat.Variable{{Name: "V", Value: value}})
		if want := "V=" + form + "\n"; form != "" && string(content) != want || (err == nil) != (form != "") {
			t.Errorf("Encode(%q) = %q, %v, want %q, or an error where that is empty", value, content, err, form)
		}
	}
}

package envformat_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/joho/godotenv"
)

// variables is what a reader has read.
type variables map[string]string

// parser reads a file like a real reader, in Go. It is fast enough for fuzzing, and replaces
// readers that the tests cannot run.
type parser struct {
	name, format string
	read         func(content []byte) (variables, error)
}

var parsers = []parser{
	{"POSIX sh, by its grammar", "sh", posix},
	{"fish, by its grammar", "fish", fishGrammar},
	{"joho/godotenv", "dotenv", func(content []byte) (variables, error) {
		read, err := godotenv.UnmarshalBytes(content)
		return read, err
	}},
	{"npm dotenv, by its regexp", "dotenv", npm},
	{"python-dotenv, by its grammar", "dotenv", pythonDotenv},
	{"Docker Compose, by its grammar", "dotenv", composeDotenv},
	{"docker --env-file", "docker", func(content []byte) (variables, error) { return dockerFile(content, false) }},
	{"docker --env-file, which takes quotes off", "docker", func(content []byte) (variables, error) { return dockerFile(content, true) }},
	{"PowerShell, by its grammar", "powershell", powershellGrammar},
	{"GitHub's runner", "github", func(content []byte) (variables, error) { return runner(content, false) }},
	{"GitHub's runner on Windows", "github", func(content []byte) (variables, error) { return runner(content, true) }},
	{"encoding/json", "json", func(content []byte) (read variables, err error) {
		err = json.Unmarshal(content, &read)
		return read, err
	}},
}

var errGrammar = errors.New("not what the grammar allows")

// statements parses lines of <head>NAME<middle>VALUE<end>. value returns the value at the start
// of the text, and the rest after it. Comments have lines of their own.
func statements(content []byte, head, middle, end string, value func(text string) (value, rest string, err error)) (variables, error) {
	read, text := variables{}, string(content)
	for text != "" {
		if text[0] == '#' {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		after, ok := strings.CutPrefix(text, head)
		name, after, found := strings.Cut(after, middle)
		if !ok || !found || !regexp.MustCompile(`^\w+$`).MatchString(name) {
			return nil, errGrammar
		}
		one, rest, err := value(after)
		if err != nil {
			return nil, err
		}
		if text, ok = strings.CutPrefix(rest, end); !ok {
			return nil, errGrammar
		}
		read[name] = one
	}
	return read, nil
}

// posix reads POSIX quoting (2.2.1 and 2.2.2): words of '…' and \c.
func posix(content []byte) (variables, error) {
	return statements(content, "export ", "=", ";\n", func(text string) (string, string, error) {
		var value strings.Builder
		for {
			switch {
			case strings.HasPrefix(text, "'"):
				inside, rest, ok := strings.Cut(text[1:], "'")
				if !ok {
					return "", "", errGrammar
				}
				value.WriteString(inside)
				text = rest
			case strings.HasPrefix(text, `\`) && len(text) > 1 && text[1] != '\n':
				value.WriteByte(text[1])
				text = text[2:]
			default:
				return value.String(), text, nil
			}
		}
	})
}

// fishGrammar reads fish's single quotes, with the escapes \' and \\.
func fishGrammar(content []byte) (variables, error) {
	return statements(content, "set --global --export --unpath ", " ", ";\n", func(text string) (string, string, error) {
		if text == "" || text[0] != '\'' {
			return "", "", errGrammar
		}
		var value strings.Builder
		for i := 1; i < len(text); i++ {
			switch c := text[i]; {
			case c == '\'':
				return value.String(), text[i+1:], nil
			case c == '\\' && i+1 < len(text) && strings.IndexByte(`\'`, text[i+1]) >= 0:
				i++
				value.WriteByte(text[i])
			default:
				value.WriteByte(c)
			}
		}
		return "", "", errGrammar
	})
}

// powershellGrammar reads literals, which end at a single quote that is not doubled (five
// characters are single quotes), and the one expression that vaultkit writes.
func powershellGrammar(content []byte) (variables, error) {
	const decode, end = "[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(", "))"
	return statements(content, "$env:", " = ", "\n", func(text string) (string, string, error) {
		inside, encoded := strings.CutPrefix(text, decode)
		value, rest, err := powershellLiteral(inside)
		if err == nil && len(utf16.Encode([]rune(value))) > 32766 && !encoded || value == "" {
			err = fmt.Errorf("%w: the system does not take it", errGrammar)
		}
		if err != nil || !encoded {
			return value, rest, err
		}
		if rest, encoded = strings.CutPrefix(rest, end); !encoded {
			return "", "", errGrammar
		}
		bytes, err := base64.StdEncoding.DecodeString(value)
		return string(bytes), rest, err
	})
}

func powershellLiteral(text string) (value, rest string, err error) {
	quote := func(r rune) bool { return strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) }
	runes := []rune(text)
	if len(runes) == 0 || !quote(runes[0]) {
		return "", "", errGrammar
	}
	var inside []rune
	for i := 1; i < len(runes); i++ {
		switch {
		case runes[i] > 126 || runes[i] < ' ': // code pages, and pipes that split lines
			return "", "", fmt.Errorf("%w: not printable ASCII", errGrammar)
		case !quote(runes[i]):
		case i+1 < len(runes) && quote(runes[i+1]):
			i++
		default:
			return string(inside), string(runes[i+1:]), nil
		}
		inside = append(inside, runes[i])
	}
	return "", "", errGrammar
}

// npmLine is the LINE of npm's dotenv, with JavaScript's meaning of \s.
var npmLine = regexp.MustCompile(strings.ReplaceAll(
	`(?m)^§*(?:export§+)?([\w.-]+)(?:§*=§*?|:§+?)(§*'(?:\\'|[^'])*'|§*"(?:\\"|[^"])*"|§*`+"`(?:\\\\`|[^`])*`"+`|[^#\r\n]+)?§*(?:#[^\n\r\x{2028}\x{2029}]*)?$`,
	"§", `[\s\v\p{Z}\x{FEFF}]`))

// npm reads like parse in lib/main.js of npm's dotenv, up to version 18.
func npm(content []byte) (variables, error) {
	read := variables{}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(content))
	for _, found := range npmLine.FindAllStringSubmatch(text, -1) {
		value := strings.TrimFunc(found[2], func(r rune) bool { return unicode.IsSpace(r) && r != '\u0085' || r == '\ufeff' })
		double := strings.HasPrefix(value, `"`)
		if value = npmUnquote(value); double {
			value = strings.ReplaceAll(strings.ReplaceAll(value, `\n`, "\n"), `\r`, "\r")
		}
		read[found[1]] = value
	}
	return read, nil
}

// npmUnquote does what replace(/^(['"`])([\s\S]*)\1$/mg, '$2') does.
func npmUnquote(value string) string {
	var out strings.Builder
	for i := 0; i < len(value); i++ {
		starts := i == 0 || value[i-1] == '\n'
		if end := npmQuoteEnd(value, i); starts && end > i {
			out.WriteString(value[i+1 : end])
			i = end
			continue
		}
		out.WriteByte(value[i])
	}
	return out.String()
}

// npmQuoteEnd returns the last quote at the end of a line that equals the one at start.
func npmQuoteEnd(value string, start int) int {
	if strings.IndexByte("'\"`", value[start]) < 0 {
		return -1
	}
	for end := len(value) - 1; end > start; end-- {
		if value[end] == value[start] && (end+1 == len(value) || value[end+1] == '\n') {
			return end
		}
	}
	return -1
}

// dockerFile reads like pkg/kvfile of docker/cli, in versions that remove quotes and in those
// that do not.
func dockerFile(content []byte, unquotes bool) (variables, error) {
	read, scanner := variables{}, bufio.NewScanner(bytes.NewReader(content))
	for number := 1; scanner.Scan(); number++ {
		if !utf8.Valid(scanner.Bytes()) {
			return nil, errGrammar
		}
		line := scanner.Text()
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if line = strings.TrimLeftFunc(line, unicode.IsSpace); line == "" || line[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if name == "" || !found || strings.ContainsAny(name, " \t") {
			return nil, errGrammar
		}
		if last := len(value) - 1; unquotes && last > 0 && value[0] == value[last] && strings.IndexByte(`'"`, value[0]) >= 0 {
			value = value[1:last]
		}
		read[name] = value
	}
	return read, scanner.Err()
}

// runner reads like SetEnvFileCommand of actions/runner.
func runner(content []byte, windows bool) (variables, error) {
	read, rest := variables{}, string(content)
	next := func() (line, end string, more bool) {
		if rest == "" {
			return "", "", false
		}
		line, rest, _ = strings.Cut(rest, "\n")
		if before, ok := strings.CutSuffix(line, "\r"); ok && windows {
			return before, "\r\n", true
		}
		return line, "\n", true
	}
	for {
		line, _, more := next()
		if !more {
			return read, nil
		}
		name, delimiter, heredoc := strings.Cut(line, "<<")
		switch {
		case line == "":
			continue
		case !heredoc || name == "" || delimiter == "" || strings.Contains(name, "="):
			return nil, errGrammar
		}
		value, end := "", ""
		for line, newline, more := next(); line != delimiter; line, newline, more = next() {
			if !more {
				return nil, errGrammar
			}
			value, end = value+end+line, newline
		}
		read[name] = value
	}
}

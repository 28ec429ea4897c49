package envreader

import "strings"

// dotenv reads a .env file: NAME=value, with or without export, quotes and comments. It does not
// replace variables. Where a reader would, in double quotes and without quotes, a value with a $
// has a Problem; in single quotes a $ is text.
func dotenv(text string) ([]Item, error) {
	s := &scanner{rest: strings.ReplaceAll(text, "\r\n", "\n"), line: 1}
	var found unique
	for s.next() {
		item := Item{Line: s.line}
		var err error
		if item.Name, err = s.name(true); err != nil {
			return nil, err
		}
		if item.Value, item.Problem, err = s.dotenvValue(); err != nil {
			return nil, err
		}
		if err := found.add(item); err != nil {
			return nil, err
		}
	}
	return found.items, nil
}

func (s *scanner) dotenvValue() (value, problem string, err error) {
	s.rest = strings.TrimLeft(s.rest, blanks)
	written := s.rest
	switch {
	case strings.HasPrefix(s.rest, "'"):
		value, problem, err = s.singleQuoted()
	case strings.HasPrefix(s.rest, `"`):
		value, problem, err = s.doubleQuoted()
	case strings.HasPrefix(s.rest, "`"):
		return "", "", lineError(s.line, "has a value in backticks, which not all readers know: use single quotes")
	default:
		value, problem = bare(s.endOfLine())
	}
	if strings.Contains(written[:len(written)-len(s.rest)], "\r") {
		problem = `contains a carriage return: write it as \r in double quotes`
	}
	return value, problem, err
}

// singleQuoted reads a value in single quotes, in which nothing but the quote has a meaning.
func (s *scanner) singleQuoted() (value, problem string, err error) {
	first := s.line
	value, _, closed := strings.Cut(s.rest[1:], "'")
	switch {
	case !closed:
		return "", "", lineError(first, "begins a value in single quotes that never ends")
	case strings.HasSuffix(value, `\`):
		return "", "", lineError(first, "has a backslash before a single quote, which readers understand differently: use double quotes")
	case strings.Contains(value, `\\`):
		problem = "contains two backslashes in single quotes, which readers understand differently: write it in double quotes"
	}
	s.skip(len(value) + 2)
	return value, problem, s.afterQuote()
}

// escapes are the escapes in double quotes.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}

func (s *scanner) doubleQuoted() (value, problem string, err error) {
	first := s.line
	var text strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.skip(i + 1)
			return text.String(), problem, s.afterQuote()
		case c == '\\' && i+1 < len(s.rest):
			i++
			if meaning, known := escapes[s.rest[i]]; known {
				text.WriteByte(meaning)
			} else {
				problem = "contains a backslash before a character that needs none: write it in single quotes"
			}
		case c == '$':
			problem = variableProblem
		default:
			text.WriteByte(c)
		}
	}
	return "", "", lineError(first, "begins a value in double quotes that never ends")
}

const variableProblem = "contains a $, and import does not replace variables: write it in single quotes if the $ belongs to the value"

// afterQuote accepts a comment after the closing quote, and nothing else.
func (s *scanner) afterQuote() error {
	line := s.line
	rest := s.endOfLine()
	if after := strings.Trim(rest, blanks); after != "" && (after[0] != '#' || rest[0] == '#') {
		return lineError(line, "has text after the closing quote")
	}
	return nil
}

// bare reads a value without quotes: the rest of the line, without a comment and the space around it.
func bare(line string) (value, problem string) {
	if at := strings.Index(" "+line, " #"); at >= 0 {
		line = line[:max(at-1, 0)]
	}
	if at := strings.Index(line, "\t#"); at >= 0 {
		line = line[:at]
	}
	value = strings.Trim(line, blanks)
	switch {
	case strings.Contains(value, "$"):
		problem = variableProblem
	case strings.Contains(value, "#"):
		problem = "contains a # without a space before it, where some readers begin a comment: write it in quotes"
	}
	return value, problem
}

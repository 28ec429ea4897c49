package envreader

import (
	"fmt"
	"regexp"
	"strings"
)

// scanner goes through a text of lines NAME=value.
type scanner struct {
	rest string
	line int // the number of the line that rest begins in
}

const blanks = " \t"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// lineError returns an error for a line. It must not repeat a part of the line.
func lineError(line int, text string) error { return fmt.Errorf("line %d %s", line, text) }

// next skips empty lines and comments, and reports whether there is more.
func (s *scanner) next() bool {
	for s.rest != "" {
		line, rest, ended := strings.Cut(s.rest, "\n")
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			s.rest = strings.TrimLeft(s.rest, blanks)
			return true
		}
		if s.rest = rest; ended {
			s.line++
		}
	}
	return false
}

// name reads up to the =. With export, the word export may stand before the name.
func (s *scanner) name(export bool) (string, error) {
	line, _, _ := strings.Cut(s.rest, "\n")
	name, _, found := strings.Cut(line, "=")
	if !found {
		return "", lineError(s.line, "is not NAME=value")
	}
	s.skip(len(name) + 1)
	if word, after, two := strings.Cut(name, " "); export && two && word == "export" {
		name = strings.TrimLeft(after, blanks)
	}
	if name = strings.TrimRight(name, blanks); !variableName.MatchString(name) {
		return "", lineError(s.line, "does not begin with the name of a variable and =")
	}
	return name, nil
}

// skip goes on by a number of bytes.
func (s *scanner) skip(count int) {
	s.line += strings.Count(s.rest[:count], "\n")
	s.rest = s.rest[count:]
}

// endOfLine returns the rest of the line and goes to the next one.
func (s *scanner) endOfLine() string {
	line, _, ended := strings.Cut(s.rest, "\n")
	s.rest = s.rest[len(line):]
	if ended {
		s.skip(1)
	}
	return line
}

package jsonlimit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// literal skips a word such as true. What it is decides the JSON decoder, later.
func (s *scanner) literal() {
	for s.pos < len(s.text) && !isEnd(s.text[s.pos]) {
		s.pos++
	}
}

// isEnd reports whether a byte ends a literal or a number.
func isEnd(c byte) bool { return isSpace(c) || c == ',' || c == '}' || c == ']' }

// number skips a number and refuses one that no float64 can hold.
func (s *scanner) number() error {
	rest := s.text[s.pos:]
	if len(rest) > 1 && rest[0] == '0' && rest[1] >= '0' && rest[1] <= '9' {
		return fmt.Errorf("invalid character '%c' after top-level value", rest[1])
	}
	length := 0
	for length < len(rest) && strings.IndexByte("0123456789.eE+-", rest[length]) >= 0 {
		length++
	}
	if length > maxString {
		return errors.New("JSON number value exceeds allowed length")
	}
	s.pos += length
	if _, err := strconv.ParseFloat(string(rest[:length]), 64); err != nil {
		return fmt.Errorf("malformed JSON, invalid number syntax for '%s'", rest[:length])
	}
	return nil
}

// simple maps the letter of an escape to its byte.
var simple = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// str reads a string from its opening quote on.
func (s *scanner) str() (string, error) {
	var out strings.Builder
	start := s.pos + 1
	var last rune = -1 // the rune that an escape gave, if it was the last thing read
	for s.pos = start; s.pos < len(s.text); {
		if s.text[s.pos] == '"' {
			s.pos++
			if last >= 0xD800 && last <= 0xDBFF {
				return "", errors.New("malformed JSON, unterminated surrogate pair in string")
			}
			return out.String(), nil
		}
		read, err := s.character(&out)
		if err != nil {
			return "", err
		}
		last = read
		if s.pos-start > maxString {
			return "", errors.New("JSON string value exceeds allowed length")
		}
	}
	return "", ended("malformed JSON, unclosed string")
}

// character reads a byte or an escape. It returns the rune of a \u escape, otherwise -1.
func (s *scanner) character(out *strings.Builder) (rune, error) {
	c := s.text[s.pos]
	s.pos++
	if c != '\\' {
		out.WriteByte(c)
		return -1, nil
	}
	if s.pos == len(s.text) {
		return 0, ended("malformed JSON, unterminated escape sequence in string")
	}
	letter := s.text[s.pos]
	s.pos++
	if plain, ok := simple[letter]; ok {
		out.WriteByte(plain)
		return -1, nil
	}
	if letter != 'u' {
		return 0, fmt.Errorf("invalid character '%c' in string escape code", letter)
	}
	return s.unicode(out)
}

func (s *scanner) unicode(out *strings.Builder) (rune, error) {
	if len(s.text)-s.pos < 4 {
		return 0, ended("malformed JSON, unterminated unicode escape in string")
	}
	digits := string(s.text[s.pos : s.pos+4])
	s.pos += 4
	for _, digit := range digits {
		if !strings.ContainsRune("0123456789abcdefABCDEF", digit) {
			return 0, fmt.Errorf("invalid character '%c' in string escape code", digit)
		}
	}
	code, _ := strconv.ParseInt(digits, 16, 32) // four hex digits
	out.WriteRune(rune(code))
	return rune(code), nil
}

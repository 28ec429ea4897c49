// Package jsonlimit refuses JSON that Vault refuses before it decodes a request: too deep,
// too long, too many entries, a key twice, a number that float64 cannot hold.
package jsonlimit

import (
	"bytes"
	"errors"
	"fmt"
)

// Vault's limits, unless its configuration sets others.
const (
	maxDepth    = 300
	maxString   = 1 << 20
	maxEntries  = 10000
	maxElements = 10000
	maxTokens   = 500000
)

// ErrEnded is wrapped by the errors of a body that ends too early.
var ErrEnded = errors.New("malformed JSON, ended too early")

// ended is an error about the end of the body.
type ended string

// Error returns Vault's text.
func (e ended) Error() string { return string(e) }

// Unwrap makes every one an ErrEnded.
func (ended) Unwrap() error { return ErrEnded }

// container is an open object or array.
type container struct {
	open  byte
	count int
	isKey bool            // the next string is a key
	keys  map[string]bool // nil for an array
}

// scanner reads a body once. It is stricter than a JSON decoder about the limits and laxer
// about the grammar, as Vault's is: the decoder looks at the rest.
type scanner struct {
	text   []byte
	pos    int
	tokens int
	stack  []container
	closed bool // the outermost value has ended
	comma  bool // the last token was a comma
}

// Check refuses a body. Only an object or an array is looked at.
func Check(body []byte) error {
	s := &scanner{text: bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))}
	s.space()
	if s.pos == len(s.text) || s.text[s.pos] != '{' && s.text[s.pos] != '[' {
		return nil
	}
	for s.pos < len(s.text) {
		if err := s.token(); err != nil {
			return err
		}
		s.space()
	}
	if len(s.stack) > 0 {
		return ended("malformed JSON, unclosed containers")
	}
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

// isSpace includes two bytes that Vault skips and JSON does not.
func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 31 || c == 139
}

// token reads a token and counts it.
func (s *scanner) token() error {
	c := s.text[s.pos]
	if s.comma && c == '}' {
		return errors.New("invalid character '}' after object key-value pair")
	}
	if s.comma && c == ']' {
		return errors.New("invalid character ']' after array element")
	}
	if s.closed {
		return fmt.Errorf("invalid character '%c' after top-level value", c)
	}
	if s.tokens++; s.tokens > maxTokens {
		return errors.New("JSON payload exceeds allowed token count")
	}
	s.comma = c == ','
	switch {
	case c == '{' || c == '[':
		return s.open(c)
	case c == '}' || c == ']':
		return s.close(c)
	case c == '"':
		return s.stringToken()
	case c == 't' || c == 'f' || c == 'n':
		s.literal()
		return s.value()
	case c == '-' || c >= '0' && c <= '9':
		if err := s.number(); err != nil {
			return err
		}
		return s.value()
	case c == ',':
		s.pos++
		s.nextIsKey()
		return nil
	case c == ':':
		s.pos++
		return nil
	default:
		return fmt.Errorf("invalid character '%c' looking for beginning of value", c)
	}
}

func (s *scanner) top() *container {
	if len(s.stack) == 0 {
		return nil
	}
	return &s.stack[len(s.stack)-1]
}

func (s *scanner) nextIsKey() {
	if in := s.top(); in != nil && in.open == '{' {
		in.isKey = true
	}
}

// value counts an element that has ended or begins.
func (s *scanner) value() error {
	in := s.top()
	if in == nil {
		return nil
	}
	if in.open == '{' {
		in.isKey = true
		return nil
	}
	if in.count++; in.count > maxElements {
		return errors.New("JSON array exceeds allowed element count")
	}
	return nil
}

func (s *scanner) open(c byte) error {
	if err := s.value(); err != nil {
		return err
	}
	s.pos++
	if len(s.stack) == maxDepth {
		return errors.New("JSON input exceeds allowed nesting depth")
	}
	one := container{open: c, isKey: c == '{'}
	if c == '{' {
		one.keys = make(map[string]bool)
	}
	s.stack = append(s.stack, one)
	return nil
}

func (s *scanner) close(c byte) error {
	in := s.top()
	if in.open == '{' && !in.isKey {
		return errors.New("invalid character '}' after object key")
	}
	if (c == '}') != (in.open == '{') {
		return fmt.Errorf("malformed JSON: mismatched closing delimiter '%c'", c)
	}
	s.pos++
	s.stack = s.stack[:len(s.stack)-1]
	s.closed = len(s.stack) == 0
	s.nextIsKey()
	return nil
}

// stringToken reads a string, which is a key or a value.
func (s *scanner) stringToken() error {
	text, err := s.str()
	if err != nil {
		return err
	}
	in := s.top()
	if in.open == '[' || !in.isKey {
		return s.value()
	}
	if in.keys[text] {
		return fmt.Errorf("duplicate key '%s' in object", text)
	}
	in.keys[text] = true
	in.isKey = false
	if in.count++; in.count > maxEntries {
		return errors.New("JSON object exceeds allowed entry count")
	}
	return nil
}

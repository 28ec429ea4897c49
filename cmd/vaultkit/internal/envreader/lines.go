package envreader

import "strings"

// docker reads a file of docker run --env-file: the rest of the line is the value, as it is.
func docker(text string) ([]Item, error) {
	s := &scanner{rest: text, line: 1}
	var found unique
	for s.next() {
		item := Item{Line: s.line}
		var err error
		if item.Name, err = s.name(false); err != nil {
			return nil, err
		}
		item.Value = strings.TrimSuffix(s.endOfLine(), "\r")
		if err := found.add(item); err != nil {
			return nil, err
		}
	}
	return found.items, nil
}

// sh reads what vaultkit env writes for shells: export NAME='value';, where '\” is a single quote.
// It is no shell: everything else is refused.
func sh(text string) ([]Item, error) {
	s := &scanner{rest: text, line: 1}
	var found unique
	for s.next() {
		item := Item{Line: s.line}
		var err error
		if item.Name, err = s.name(true); err != nil {
			return nil, err
		}
		if item.Value, err = s.shellWord(); err != nil {
			return nil, err
		}
		if err := found.add(item); err != nil {
			return nil, err
		}
	}
	return found.items, nil
}

// shellWord reads single-quoted texts with \' between them, up to the end of the line.
func (s *scanner) shellWord() (string, error) {
	first := s.line
	var word strings.Builder
	for {
		switch {
		case strings.HasPrefix(s.rest, "'"):
			text, _, closed := strings.Cut(s.rest[1:], "'")
			if !closed {
				return "", lineError(first, "begins a value in single quotes that never ends")
			}
			word.WriteString(text)
			s.skip(len(text) + 2)
		case strings.HasPrefix(s.rest, `\'`):
			word.WriteByte('\'')
			s.skip(2)
		default:
			line := s.line
			if end := strings.TrimSpace(s.endOfLine()); end != "" && end != ";" {
				return "", lineError(line, "is not as vaultkit env writes it: export NAME='value';")
			}
			return word.String(), nil
		}
	}
}

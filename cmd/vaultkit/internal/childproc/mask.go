package childproc

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"goblin/vaultkit"
)

// masked replaces a secret in the output of a command.
const masked = "[masked]"

// maxLine is the number of bytes after which an unfinished line is written.
const maxLine = 64 << 10

// mask is a writer that writes the output of a command line by line and replaces the
// secrets in it.
type mask struct {
	out     io.Writer
	secrets [][]byte // longest first
	held    []byte   // not scanned yet: a secret may begin in it
	line    []byte   // masked; written when the line ends
}

func newMask(out io.Writer, keys vaultkit.ProviderKeys) *mask {
	m := &mask{out: out}
	for _, value := range keys {
		for _, text := range printedForms(value) {
			m.secrets = append(m.secrets, []byte(text))
		}
	}
	slices.SortFunc(m.secrets, func(a, b []byte) int { return cmp.Compare(len(b), len(a)) })
	return m
}

// leastMaskedLine is the length from which a single line of a value is masked. Shorter
// lines, such as "{" or "end", are in every log and reveal nothing.
const leastMaskedLine = 4

// printedForms returns the forms in which a program may print a value: as it is, trimmed,
// and each of its lines.
func printedForms(value string) []string {
	if value == "" {
		return nil
	}
	all := []string{value}
	lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' })
	for _, text := range append(lines, value) {
		if text = strings.TrimSpace(text); len(text) >= leastMaskedLine && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// Write never fails: a command continues even if nobody reads its output.
func (m *mask) Write(p []byte) (int, error) {
	m.held = append(m.held, p...)
	m.scan(false)
	end := bytes.LastIndexByte(m.line, '\n') + 1
	if end == 0 && len(m.line) > maxLine {
		end = len(m.line)
	}
	m.writeLine(end)
	return len(p), nil
}

// flush writes what is left, as a line.
func (m *mask) flush() {
	m.scan(true)
	if len(m.line) > 0 && !bytes.HasSuffix(m.line, []byte("\n")) {
		m.line = append(m.line, '\n')
	}
	m.writeLine(len(m.line))
}

// scan moves from held to line everything that cannot be part of a secret any more, with
// the secrets masked.
func (m *mask) scan(last bool) {
	seen := 0
	for seen < len(m.held) {
		rest := m.held[seen:]
		if !last && m.begins(rest) {
			break
		}
		if secret := m.at(rest); secret != nil {
			m.line = append(m.line, masked...)
			seen += len(secret)
			continue
		}
		m.line = append(m.line, rest[0])
		seen++
	}
	m.held = append(m.held[:0], m.held[seen:]...)
}

// begins reports whether the text is the beginning of a secret.
func (m *mask) begins(text []byte) bool {
	return slices.ContainsFunc(m.secrets, func(secret []byte) bool {
		return len(secret) > len(text) && bytes.HasPrefix(secret, text)
	})
}

// at returns the longest secret at the start of the text; nil: there is none.
func (m *mask) at(text []byte) []byte {
	for _, secret := range m.secrets {
		if bytes.HasPrefix(text, secret) {
			return secret
		}
	}
	return nil
}

func (m *mask) writeLine(end int) {
	if end > 0 {
		_, _ = m.out.Write(m.line[:end])
		m.line = append(m.line[:0], m.line[end:]...)
	}
}

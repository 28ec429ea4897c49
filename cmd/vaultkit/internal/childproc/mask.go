package childproc

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"goblin/vaultkit"
)

// masked stands for a secret in what a command prints.
const masked = "[masked]"

// maxLine is how long a line may get before it is passed on without its end.
const maxLine = 64 << 10

// mask passes on, line by line, what a command prints, less the secrets it was
// given.
type mask struct {
	out     io.Writer
	secrets [][]byte // longest first
	held    []byte   // seen and not passed on: a secret may have begun in it
	line    []byte   // free of secrets, waiting for the end of its line
}

func newMask(out io.Writer, keys vaultkit.ProviderKeys) *mask {
	m := &mask{out: out}
	for _, value := range keys {
		for _, text := range spellings(value) {
			m.secrets = append(m.secrets, []byte(text))
		}
	}
	slices.SortFunc(m.secrets, func(a, b []byte) int { return cmp.Compare(len(b), len(a)) })
	return m
}

// leastMaskedLine is how long a line of a value has to be for a mask of its own: "{" or
// "end" would blacken a whole log, and gives nothing away.
const leastMaskedLine = 4

// spellings are how a program may print a value: as it is, without the space around it,
// which it may trim, and any single line of it.
func spellings(value string) []string {
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

// Write never fails: that nobody reads what a command says does not stop it.
func (m *mask) Write(p []byte) (int, error) {
	m.held = append(m.held, p...)
	m.look(false)
	end := bytes.LastIndexByte(m.line, '\n') + 1
	if end == 0 && len(m.line) > maxLine {
		end = len(m.line)
	}
	m.pass(end)
	return len(p), nil
}

// flush passes on what is left, as a line.
func (m *mask) flush() {
	m.look(true)
	if len(m.line) > 0 && !bytes.HasSuffix(m.line, []byte("\n")) {
		m.line = append(m.line, '\n')
	}
	m.pass(len(m.line))
}

// look takes from what is held all that no later byte can turn into a secret.
func (m *mask) look(last bool) {
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

// begins reports that the text may become a secret, or a longer one than it is.
func (m *mask) begins(text []byte) bool {
	return slices.ContainsFunc(m.secrets, func(secret []byte) bool {
		return len(secret) > len(text) && bytes.HasPrefix(secret, text)
	})
}

// at is the longest secret that the text starts with, if any.
func (m *mask) at(text []byte) []byte {
	for _, secret := range m.secrets {
		if bytes.HasPrefix(text, secret) {
			return secret
		}
	}
	return nil
}

func (m *mask) pass(end int) {
	if end > 0 {
		_, _ = m.out.Write(m.line[:end])
		m.line = append(m.line[:0], m.line[end:]...)
	}
}

package session

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"goblin/vaultkit/internal/vaulterr"
)

// maxCredential bounds what is read of a credential's file: a projected JWT is
// a few kilobytes, a log file named by mistake is not.
const maxCredential = 64 << 10

// Credential says where a secret comes from. The secret itself is read at each
// login, sits behind a function, and is therefore never printed: every verb of
// fmt, JSON and slog show the origin only, wherever the Credential is nested.
type Credential struct {
	label
	read    func() (string, error)
	wrapped bool // what is read is a wrapping token around the secret
	literal bool // reading it again always gives the same

	file, variable string // where it comes from, if from there
}

// Value is a secret given in the program.
func FromString(secret string) Credential {
	return Credential{
		label:   "a literal value",
		read:    func() (string, error) { return secret, nil },
		literal: true,
	}
}

// File is the content of a file, without the space at its end. At most 64 KiB.
func FromFile(path string) Credential {
	return Credential{
		label: label("file " + path),
		read:  func() (string, error) { return readFile(path) },
		file:  path,
	}
}

// Env is the value of an environment variable.
func FromEnv(name string) Credential { return FromLookup(name, os.Getenv) }

// Variable is the value of a variable as lookup gives it at each login.
func FromLookup(name string, lookup func(name string) string) Credential {
	return Credential{
		label:    label("environment " + name),
		read:     func() (string, error) { return lookup(name), nil },
		variable: name,
	}
}

// CLIToken is the token that 'vault login' left in the home directory.
func CLIToken() Credential {
	path, _ := cliTokenPath() // where there is no home, reading it says so
	return Credential{label: "file ~/.vault-token of the Vault CLI", read: readCLIToken, file: path}
}

// Wrapped is a response-wrapping token around a secret id, read from inner. It
// is unwrapped once; the secret id stays in memory for later logins.
func Wrapped(inner Credential) Credential {
	inner.label, inner.wrapped, inner.literal = "wrapping token from "+inner.label, true, false
	return inner
}

// secret reads the credential. Its errors name the origin, never the content.
func (c Credential) secret() (string, error) {
	if c.read == nil {
		return "", vaulterr.Invalid("no credential given")
	}
	raw, err := c.read()
	if err != nil {
		return "", &vaulterr.Error{Kind: vaulterr.ErrInvalid, Detail: c.String() + " cannot be read", Err: err}
	}
	text := strings.TrimRightFunc(raw, unicode.IsSpace)
	switch {
	case text == "":
		return "", vaulterr.Invalid("%s is empty", c)
	case inQuotes(text):
		return "", vaulterr.Invalid("%s is in quotes: remove them, they are not part of it", c)
	case strings.ContainsFunc(text, notPrintable):
		return "", vaulterr.Invalid("%s holds characters that no credential has; it must be plain text", c)
	}
	return text, nil
}

// quoted reports a text that begins and ends with the same quote. A shell takes quotes
// away, an environment file of docker's does not.
func inQuotes(text string) bool {
	first, last := text[0], text[len(text)-1]
	return len(text) > 1 && first == last && (first == '"' || first == '\'')
}

func notPrintable(r rune) bool {
	return r == unicode.ReplacementChar || !unicode.IsPrint(r)
}

func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCredential+1))
	if err == nil && len(content) > maxCredential {
		err = fmt.Errorf("longer than %d bytes", maxCredential)
	}
	return string(content), err
}

func readCLIToken() (string, error) {
	path, err := cliTokenPath()
	if err != nil {
		return "", err
	}
	return readFile(path)
}

func cliTokenPath() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".vault-token"), err
}

// HasCLIToken reports whether 'vault login' left a token.
func HasCLIToken() bool {
	text, err := readCLIToken()
	return err == nil && strings.TrimSpace(text) != ""
}

// label is all that is ever printed of the value it is embedded in.
type label string

// String is the label.
func (l label) String() string {
	if l == "" {
		return "nothing"
	}
	return string(l)
}

// Format prints the label, whatever the verb.
func (l label) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.String()) }

// LogValue is the label.
func (l label) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText is the label.
func (l label) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/githubtoken"
	"goblin/vaultkit/internal/vaulterr"
)

// maxCredential limits the size of a credential file. A JWT is a few kilobytes; a larger
// file was probably named by mistake.
const maxCredential = 64 << 10

// Credential says where a secret comes from. Each login reads the secret again. The secret
// is behind a function, so that fmt, JSON and slog print only the origin, however deeply
// the Credential is nested.
type Credential struct {
	label
	read    func(context.Context) (string, error)
	wrapped bool // read returns a wrapping token
	literal bool // read always returns the same

	file, variable string // the origin, if it is a file or variable
	github         bool   // the origin is GitHub
	helper         bool   // the origin is the token helper of the Vault CLI
}

// FromString returns a credential with a fixed value.
func FromString(secret string) Credential {
	return Credential{
		label:   "a literal value",
		read:    func(context.Context) (string, error) { return secret, nil },
		literal: true,
	}
}

// FromFile returns a credential read from a file of at most 64 KiB. Trailing white space
// is removed.
func FromFile(path string) Credential {
	return Credential{
		label: label("file " + path),
		read:  func(context.Context) (string, error) { return readFile(path) },
		file:  path,
	}
}

// FromEnv returns a credential read from an environment variable.
func FromEnv(name string) Credential { return FromLookup(name, os.Getenv) }

// FromLookup returns a credential read with lookup(name).
func FromLookup(name string, lookup func(name string) string) Credential {
	return Credential{
		label:    label("environment " + name),
		read:     func(context.Context) (string, error) { return lookup(name), nil },
		variable: name,
	}
}

// CLIToken returns the token that 'vault login' stored in the home directory.
func CLIToken() Credential {
	path, _ := cliTokenPath() // reading the token returns the error
	return Credential{label: labelCLIToken, read: func(context.Context) (string, error) { return readCLIToken() }, file: path}
}

const labelCLIToken = "file ~/.vault-token of the Vault CLI"

// UsesCLIToken reports whether the login uses CLIToken.
func UsesCLIToken(m Method) bool {
	token, ok := m.(*tokenLogin)
	return ok && token.source.label == labelCLIToken
}

// FromTokenHelper returns the credential of the token that the Vault CLI's token helper keeps. read
// runs the helper. origin is printed in its place.
func FromTokenHelper(origin string, read func(context.Context) (string, error)) Credential {
	return Credential{label: label(origin), read: read, helper: true}
}

// GitHubToken returns the credential of the identity token that GitHub gives to a job of GitHub
// Actions. Each login asks GitHub for another one. masks gets the command that hides it in
// the job's log.
func GitHubToken(audience string, lookup func(name string) string, masks io.Writer) Credential {
	request := githubtoken.Request{Audience: audience, Lookup: lookup, Masks: masks, Backoff: backoff.Backoff{Min: 500 * time.Millisecond}}
	about := label("GitHub's identity token")
	if audience != "" {
		about += label(" for the audience " + audience)
	}
	return Credential{label: about, read: request.Token, github: true}
}

// Wrapped returns a credential whose source holds a response-wrapping token around a
// secret id. It is unwrapped once, and the secret id stays in memory for later logins.
func Wrapped(inner Credential) Credential {
	inner.label, inner.wrapped, inner.literal = "wrapping token in "+inner.label, true, false
	return inner
}

// secret reads the credential. Its errors name the origin, never the content.
func (c Credential) secret(ctx context.Context) (string, error) {
	if c.read == nil {
		return "", vaulterr.Invalid("no credential given")
	}
	raw, err := c.read(ctx)
	if own, ok := errors.AsType[*vaulterr.Error](err); ok {
		return "", own
	}
	if err != nil {
		return "", &vaulterr.Error{Kind: vaulterr.ErrInvalid, Detail: c.String() + " cannot be read", Err: err}
	}
	text := strings.TrimRightFunc(raw, unicode.IsSpace)
	switch {
	case raw == "" && c.variable != "":
		return "", vaulterr.Invalid("%s %s", c, vaulterr.NoValue(c.variable))
	case text == "":
		return "", vaulterr.Invalid("%s is empty", c)
	case inQuotes(text):
		return "", vaulterr.Invalid("%s is in quotes: remove them, because they would be part of the value", c)
	case strings.ContainsFunc(text, notPrintable):
		return "", vaulterr.Invalid("%s contains control or non-text characters: it must be plain text", c)
	}
	return text, nil
}

// inQuotes reports whether text begins and ends with the same quote. A shell removes such
// quotes, a Docker environment file does not.
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

// HasCLIToken reports whether 'vault login' stored a token.
func HasCLIToken() bool {
	text, err := readCLIToken()
	return err == nil && strings.TrimSpace(text) != ""
}

// label is the text that is printed in place of the value it is embedded in.
type label string

// String returns the label.
func (l label) String() string {
	if l == "" {
		return "nothing"
	}
	return string(l)
}

// Format prints the label for every verb.
func (l label) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.String()) }

// LogValue returns the label.
func (l label) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText returns the label.
func (l label) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

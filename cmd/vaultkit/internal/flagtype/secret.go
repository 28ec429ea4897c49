package flagtype

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// maxSecret is the most that is read from a file or pipe. Vault does not accept a
// secret of that size.
const maxSecret = 1 << 20

// SecretReader reads secrets. Its errors give each secret a name, and do not repeat the
// secret or where it comes from: that may be a key in the wrong place.
type SecretReader struct {
	IO           *terminal.IO
	AllowControl bool // accept control and other invisible characters
}

// AllowControlHelp describes the flag for SecretReader.AllowControl.
const AllowControlHelp = "accept control and invisible characters, such as the newlines of a PEM file"

// File reads a secret from a file.
func (s SecretReader) File(ctx context.Context, what, path string) (string, error) {
	text, err := terminal.Interruptible(ctx, func() (string, error) {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		return readAll(file)
	})
	return s.cleaned(what, text, err)
}

// Stdin reads a secret from standard input: everything from a file or pipe, one line
// without echo from a terminal. The prompt says which secret is wanted.
func (s SecretReader) Stdin(ctx context.Context, what, prompt string) (string, error) {
	if terminal.IsTerminal(s.IO.In) {
		text, err := s.IO.ReadHidden(ctx, prompt)
		return s.cleaned(what, text, err)
	}
	text, err := terminal.Interruptible(ctx, func() (string, error) { return readAll(s.IO.In) })
	return s.cleaned(what, text, err)
}

// Variable reads a secret from an environment variable.
func (s SecretReader) Variable(what, name string) (string, error) {
	text := os.Getenv(name)
	if text == "" {
		return "", exitcode.Invalid(what, "is missing: the environment variable is not set or is empty",
			"give the name of the variable, not the key")
	}
	return text, s.Check(what, text)
}

func readAll(r io.Reader) (string, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err == nil && len(content) > maxSecret {
		err = fmt.Errorf("is longer than %d bytes", maxSecret)
	}
	return string(content), err
}

// cleaned checks a text that was read, and returns it without one final newline, which
// editors and echo add.
func (s SecretReader) cleaned(what, text string, err error) (string, error) {
	if errors.Is(err, context.Canceled) {
		return "", err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if err != nil {
		return "", exitcode.Invalid(what, "cannot be read: "+err.Error(), "check the file or pipe")
	}
	text = dropNewline(text)
	return text, s.Check(what, text)
}

func dropNewline(text string) string {
	if line, ok := strings.CutSuffix(text, "\r\n"); ok {
		return line
	}
	return strings.TrimSuffix(text, "\n")
}

// Check refuses a text that cannot be the intended key, and that would do harm when get
// prints it.
func (s SecretReader) Check(what, text string) error {
	switch {
	case text == "":
		return exitcode.Invalid(what, "is empty", "give it a value")
	case !s.AllowControl && strings.ContainsFunc(text, unicode.IsControl):
		return exitcode.Invalid(what, "contains a control character, such as a second newline or a tab",
			"remove it; if it belongs to the key, add --allow-control")
	case !s.AllowControl && strings.ContainsFunc(text, invisible):
		at := strings.IndexFunc(text, invisible)
		r, _ := utf8.DecodeRuneInString(text[at:])
		return exitcode.Invalid(what, fmt.Sprintf("contains the invisible character %U", r),
			"copy the key again, or save the file without a byte order mark; if it belongs to the key, add --allow-control")
	case strings.Trim(text, " ") != text:
		s.IO.Warn("%s begins or ends with a space, which is stored too", what)
	}
	return nil
}

// invisible reports whether a character cannot be seen. Such characters come along when
// a key is copied from a page or saved by an editor: a byte order mark, joiners,
// unusual spaces.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r != ' ' && unicode.Is(unicode.Zs, r)
}

package main

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

// maxSecret bounds what is read of a file or pipe. Vault itself takes no secret
// of that size.
const maxSecret = 1 << 20

// secretInput is how a secret is read. No error repeats the secret, or where it was
// to come from: that may be a key in the wrong place.
type secretInput struct {
	what         string // its name in errors
	allowControl bool   // control and other invisible characters are meant
	warn         func(format string, args ...any)
}

// allowControlHelp describes the flag for allowControl.
const allowControlHelp = "take control and other invisible characters too, such as the newlines of a PEM file"

// file reads a secret from a file.
func (s secretInput) file(ctx context.Context, path string) (string, error) {
	text, err := terminal.Interruptible(ctx, func() (string, error) {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		return readAll(file)
	})
	return s.taken(text, err)
}

// secretStdin reads a secret from standard input: up to its end from a file or
// pipe, one line without echo from a terminal, where prompt says what is wanted.
func (c *cli) secretStdin(ctx context.Context, s secretInput, prompt string) (string, error) {
	if terminal.IsTerminal(c.In) {
		text, err := c.ReadHidden(ctx, prompt)
		return s.taken(text, err)
	}
	text, err := terminal.Interruptible(ctx, func() (string, error) { return readAll(c.In) })
	return s.taken(text, err)
}

// env reads a secret from a variable.
func (s secretInput) env(name string) (string, error) {
	text := os.Getenv(name)
	if text == "" {
		return "", exitcode.Invalid(s.what, "is not there: no such variable, or it is empty", "give the variable's name, not the key")
	}
	return text, s.check(text)
}

func readAll(r io.Reader) (string, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err == nil && len(content) > maxSecret {
		err = fmt.Errorf("is longer than %d bytes", maxSecret)
	}
	return string(content), err
}

// taken is what was read, less the newline that editors and echo put at the end,
// once; the rest is checked.
func (s secretInput) taken(text string, err error) (string, error) {
	if errors.Is(err, context.Canceled) {
		return "", err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if err != nil {
		return "", exitcode.Invalid(s.what, "cannot be read: "+err.Error(), "check the file or pipe")
	}
	text = dropNewline(text)
	return text, s.check(text)
}

func dropNewline(text string) string {
	if line, ok := strings.CutSuffix(text, "\r\n"); ok {
		return line
	}
	return strings.TrimSuffix(text, "\n")
}

// check refuses what is surely not the key that was meant, and would do harm when
// `get` prints it.
func (s secretInput) check(text string) error {
	switch {
	case text == "":
		return exitcode.Invalid(s.what, "is empty", "give it a value")
	case !s.allowControl && strings.ContainsFunc(text, unicode.IsControl):
		return exitcode.Invalid(s.what, "holds a control character, such as a second newline or a tab",
			"a key is one line of text; where it is meant, add --allow-control")
	case !s.allowControl && strings.ContainsFunc(text, invisible):
		at := strings.IndexFunc(text, invisible)
		r, _ := utf8.DecodeRuneInString(text[at:])
		return exitcode.Invalid(s.what, fmt.Sprintf("holds the invisible character %U", r),
			"copy the key anew, or save the file without a byte order mark; where it is meant, add --allow-control")
	case strings.Trim(text, " ") != text:
		s.warn("%s begins or ends with a blank, which is stored too", s.what)
	}
	return nil
}

// invisible are characters that nobody sees, which come along when a key is copied
// from a page or a file is saved by an editor: a byte order mark, joiners, other
// spaces than the usual one.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r != ' ' && unicode.Is(unicode.Zs, r)
}

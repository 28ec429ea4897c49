package flagtype

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

func TestDropNewline_DropsOne(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "a\r\n\r\n": "a\r\n", "\na": "\na", "a\r": "a\r", "\n": "",
	} {
		if got := dropNewline(text); got != want {
			t.Errorf("dropNewline(%q) = %q, want %q", text, got, want)
		}
	}
}

// reader returns a SecretReader and what it prints.
func reader(in io.Reader, allowControl bool) (SecretReader, *strings.Builder) {
	var warnings strings.Builder
	return SecretReader{IO: terminal.New(terminal.Streams{In: in, Out: io.Discard, Err: &warnings}), AllowControl: allowControl}, &warnings
}

func TestCheck_RefusesControlCharacters(t *testing.T) {
	t.Parallel()
	strict, _ := reader(nil, false)
	lax, _ := reader(nil, true)
	for _, text := range []string{"k", "with space", "schlüssel", strings.Repeat("x", maxSecret)} {
		if err := strict.Check("it", text); err != nil {
			t.Errorf("Check(%.20q) = %v, want no error", text, err)
		}
	}
	for _, text := range []string{"", "\x00", "a\tb", "a\nb", "a\r", "\x1b[2J", "a\x7f", "a\u0085b"} {
		if err := strict.Check("it", text); !errors.Is(err, vaultkit.ErrInvalid) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("Check(%q) = %v, want ErrInvalid without the text", text, err)
		}
		if err := lax.Check("it", text); (err == nil) != (text != "") {
			t.Errorf("Check(%q) with AllowControl = %v, want an error only if it is empty", text, err)
		}
	}
}

// Invisible characters are copied by mistake, and no provider's API accepts them.
func TestCheck_RefusesInvisibleCharacters(t *testing.T) {
	t.Parallel()
	strict, warnings := reader(nil, false)
	lax, laxWarnings := reader(nil, true)
	for text, point := range map[string]string{
		"\ufeffsk": "U+FEFF", "s\u200bk": "U+200B", "sk\u00a0": "U+00A0", "\u2003sk": "U+2003", "s\u200dk": "U+200D", "s\u2060k": "U+2060",
		"s\u202ek": "U+202E", "s\u00adk": "U+00AD", "s\u2028k": "U+2028", "s\u3164k": "U+3164", "s\ufe0fk": "U+FE0F", "s\u3000k": "U+3000",
	} {
		err := strict.Check("the new key", text)
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), point) || strings.Contains(err.Error(), text) {
			t.Errorf("Check(%+q) = %v, want ErrInvalid that names %s alone", text, err, point)
		}
		if err := lax.Check("the new key", text); err != nil {
			t.Errorf("Check(%+q) with AllowControl = %v, want no error", text, err)
		}
	}
	if warnings.Len()+laxWarnings.Len() > 0 {
		t.Errorf("Check: warnings = %q, with AllowControl = %q, want none", warnings, laxWarnings)
	}
}

func TestCheck_WarnsOfBlanks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{" sk", "sk ", "  sk  "} {
		secret, warnings := reader(nil, false)
		err := secret.Check("the new key", text)
		got := warnings.String()
		if err != nil || strings.Count(got, "\n") != 1 || !strings.Contains(got, "the new key begins or ends with a space") {
			t.Errorf("Check(%q) = %v, warnings %q, want one warning", text, err, got)
		}
	}
}

func TestStdin_ReturnsNothingOfAnInputThatFails(t *testing.T) {
	t.Parallel()
	secret, _ := reader(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("it broke"))), false)
	if text, err := secret.Stdin(t.Context(), "it", "It"); text != "" || !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("Stdin() = %q, %v, want ErrInvalid", text, err)
	}
}

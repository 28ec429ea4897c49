package childproc

import (
	"errors"
	"strings"
	"testing"

	"goblin/vaultkit"
)

// collector keeps each write.
type collector []string

func (c *collector) Write(p []byte) (int, error) {
	*c = append(*c, string(p))
	return len(p), nil
}

// The output does not depend on how the text is cut into writes.
func TestMask(t *testing.T) {
	t.Parallel()
	keys := vaultkit.ProviderKeys{
		"api_key": "sk-1", "longer": "sk-1-more", "pem": "-----\nline\n", "org": "aab", "empty": "", "ü": "schlüssel",
	}
	for text, want := range map[string]string{
		"":                          "",
		"nothing":                   "nothing\n",
		"a\nb\n":                    "a\nb\n",
		"key=sk-1\n":                "key=[masked]\n",
		"sk-1sk-1sk":                "[masked][masked]sk\n",
		"sk-1-more, sk-1-mor":       "[masked], [masked]-mor\n",
		"aaab aaaab":                "a[masked] aa[masked]\n",
		"<-----\nline\n>\n":         "<[masked]>\n",
		"-----\nline":               "[masked]\n",
		"ein schlüssel, schlüsse\n": "ein [masked], schlüsse\n",
	} {
		for cut := range len(text) + 1 {
			check(t, keys, want, text[:cut], text[cut:])
		}
		check(t, keys, want, strings.Split(text, "")...)
	}
}

func check(t *testing.T, keys vaultkit.ProviderKeys, want string, writes ...string) {
	t.Helper()
	var out collector
	m := newMask(&out, keys)
	for _, text := range writes {
		if n, err := m.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("Write(%q) = %d, %v, want %d, no error", text, n, err, len(text))
		}
	}
	m.flush()
	if got := strings.Join(out, ""); got != want {
		t.Errorf("mask of the writes %q = %q, want %q", writes, got, want)
	}
	for _, line := range out {
		if !strings.HasSuffix(line, "\n") {
			t.Errorf("mask of the writes %q passes on %q, want whole lines", writes, line)
		}
	}
}

// A line is written when it ends, and a long line before that.
func TestMask_WritesLinesAtOnce(t *testing.T) {
	t.Parallel()
	var out collector
	m := newMask(&out, vaultkit.ProviderKeys{"api_key": "sk-1"})
	for _, text := range []string{"one\ntwo", "\nthree", strings.Repeat("x", maxLine)} {
		_, _ = m.Write([]byte(text))
	}
	if got := strings.Join(out, "|"); got != "one\n|two\n|three"+strings.Repeat("x", maxLine) {
		t.Errorf("mask passes on %.60q, want the lines one, two and the long one, each at once", got)
	}
}

// An output that fails does not stop the command.
func TestMask_IgnoresWriteErrors(t *testing.T) {
	t.Parallel()
	m := newMask(failing{}, nil)
	if n, err := m.Write([]byte("a\n")); n != 2 || err != nil {
		t.Errorf("Write to an output that fails = %d, %v, want 2, no error", n, err)
	}
}

// A program may trim a value, or print single lines of it.
func TestMask_CoversTrimmedValuesAndSingleLines(t *testing.T) {
	t.Parallel()
	keys := vaultkit.ProviderKeys{
		"api_key": "sk-nl\n", "padded": "  sk-padded ", "crlf": "first-line\r\nsecond-line\r\n",
		"json": "{\n  \"private_key\": \"abc\",\n  \"n\": 1\n}\n", "indented": "\tindented line\n}\n  end\n",
	}
	for text, want := range map[string]string{
		"Bearer sk-nl\r\n":                 "Bearer [masked]\r\n",
		"key=<sk-nl>\n":                    "key=<[masked]>\n",
		"sk-nl\nnext\n":                    "[masked]next\n",
		"<sk-padded> and <  sk-padded >\n": "<[masked]> and <[masked]>\n",
		"first-line\nsecond-line\n":        "[masked]\n[masked]\n",
		"line 2: second-line\n":            "line 2: [masked]\n",
		"got \"private_key\": \"abc\",\n":  "got [masked]\n",
		"indented line\n":                  "[masked]\n",
		// Short lines of a value are not masked: every log has them.
		"{ok}\nif x { return } end\n": "{ok}\nif x { return } end\n",
	} {
		for cut := range len(text) + 1 {
			check(t, keys, want, text[:cut], text[cut:])
		}
		check(t, keys, want, strings.Split(text, "")...)
	}
}

// failing fails every write.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }

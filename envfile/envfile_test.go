package envfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/envfile"
)

// TestEncodeRefuses: an entry that is no variable may be a value in the wrong
// place, and is not repeated.
func TestEncodeRefuses(t *testing.T) {
	for _, environ := range [][]string{
		{"sk_fake_key"}, {"A=1", "sk-fake=key"}, {"A=fake-1", "A=fake-2"}, {"A=fake\x00"}, {"PATH=fake"}, {"=fake"}, {"1=fake"}, {"A\n=fake"},
	} {
		var out bytes.Buffer
		err := envfile.Encode(&out, envfile.Sh, environ)
		if !errors.Is(err, vaultkit.ErrInvalid) || out.Len() > 0 || strings.Contains(err.Error(), "fake") {
			t.Errorf("Encode(%q) = %v and wrote %q, want ErrInvalid and nothing", environ, err, out.String())
		}
	}
	if err := envfile.Encode(brokenWriter{}, envfile.JSON, nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Encode to a writer that fails = %v, want its error", err)
	}
}

// brokenWriter is a writer that always fails.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestName(t *testing.T) {
	for _, tc := range []struct {
		prefix, provider, field, want string
	}{
		{"", "openai-gpt4", "api_key", "OPENAI_GPT4_API_KEY"}, {"APP_", "3com", "api_key", "APP_3COM_API_KEY"},
		{"", "3com", "api_key", ""}, {"", "ld", "preload", ""}, {"", "a/b", "api_key", ""}, {"1", "a", "b", ""},
	} {
		got, err := envfile.Name(tc.prefix, tc.provider, tc.field)
		if got != tc.want || (err == nil) != (tc.want != "") || err != nil && !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("Name(%q, %q, %q) = %q, %v, want %q or ErrInvalid", tc.prefix, tc.provider, tc.field, got, err, tc.want)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/vaulttest"
)

func TestDropNewlineOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "a\r\n\r\n": "a\r\n", "\na": "\na", "a\r": "a\r", "\n": "",
	} {
		if got := dropNewline(text); got != want {
			t.Errorf("dropNewline(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCheckSecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"k", "with space", "schlüssel", strings.Repeat("x", maxSecret)} {
		if err := (secretInput{}).check(text); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"", "\x00", "a\tb", "a\nb", "a\r", "\x1b[2J", "a\x7f", "a\u0085b"} {
		if err := (secretInput{}).check(text); !errors.Is(err, vaultkit.ErrInvalid) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("check(%q) = %v", text, err)
		}
		if err := (secretInput{allowControl: true}).check(text); (err == nil) != (text != "") {
			t.Errorf("where control characters are meant, check(%q) = %v", text, err)
		}
	}
}

// TestCheckSecret_RefusesInvisibleCharacters: they come along with a copy, and no
// provider's API takes them.
func TestCheckSecret_RefusesInvisibleCharacters(t *testing.T) {
	t.Parallel()
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	for text, point := range map[string]string{
		"\ufeffsk": "U+FEFF", "s\u200bk": "U+200B", "sk\u00a0": "U+00A0", "\u2003sk": "U+2003", "s\u200dk": "U+200D", "s\u2060k": "U+2060",
		"s\u202ek": "U+202E", "s\u00adk": "U+00AD", "s\u2028k": "U+2028", "s\u3164k": "U+3164", "s\ufe0fk": "U+FE0F", "s\u3000k": "U+3000",
	} {
		err := secretInput{what: "the new key", warn: warn}.check(text)
		if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), point) || strings.Contains(err.Error(), text) {
			t.Errorf("check(%+q) = %v, want ErrInvalid that names %s alone", text, err, point)
		}
		if err := (secretInput{allowControl: true, warn: warn}).check(text); err != nil {
			t.Errorf("where it is meant, check(%+q) = %v, want no error", text, err)
		}
	}
	if warnings != nil {
		t.Errorf("check warns %q, want nothing", warnings)
	}
	for _, text := range []string{" sk", "sk ", "  sk  "} {
		warnings = nil
		if err := (secretInput{what: "the new key", warn: warn}).check(text); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "the new key begins or ends with a blank") {
			t.Errorf("check(%q) = %v, warnings %q, want one warning", text, err, warnings)
		}
	}
}

func TestInputFails(t *testing.T) {
	t.Parallel()
	c := newCLI(terminal.Streams{In: io.MultiReader(strings.NewReader("half"), failing{}), Out: io.Discard, Err: io.Discard})
	if text, err := c.secretStdin(t.Context(), secretInput{what: "it"}, "It"); text != "" || !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("half an input gave %q, %v", text, err)
	}
}

// TestInputThatNeverEnds: a pipe nobody closes does not keep Ctrl-C out.
func TestInputThatNeverEnds(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	pipe, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	var errs strings.Builder
	c := terminal.Streams{In: &hook{Reader: pipe, before: interrupt}, Out: io.Discard, Err: &errs}
	code := run(ctx, []string{"rotate", "p", "--new-key-stdin", "--address", "http://127.0.0.1:1"}, c)
	if code != exitcode.Failure || !strings.HasPrefix(errs.String(), "vaultkit: interrupted") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	has(t, errs.String(), "nothing has changed")
}

// failing fails to read and to write.
type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errors.New("it broke") }
func (failing) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }

// hook calls before on each Read.
type hook struct {
	io.Reader
	before func()
}

func (h *hook) Read(p []byte) (int, error) {
	h.before()
	return h.Reader.Read(p)
}

// TestOutputFails: what could not be printed is no success.
func TestOutputFails(t *testing.T) {
	t.Parallel()
	provider, _, _, id := rotated(t)
	aborted, _, abortedID := undecided(t)
	for _, args := range [][]string{
		{"get", provider}, {"get", provider, "--json"}, {"list"}, {"list", "--json"}, {"backups", provider},
		{"history", provider}, {"recover", provider}, {"version"}, {"version", "--json"}, {"help"}, {"get", "--help"}, {"completion", "bash"},
		{"rotate", provider, "--auto", "--dry-run"}, {"rotate", provider, "--auto", "--dry-run", "--json"},
		{"status", provider}, {"status", provider, "--json"}, {"abort", aborted, abortedID}, {"backups", provider, "prune", "--keep", "1"},
		{"revoke-old", provider, id, "--cmd", "exit 44"}, {"rotate", "--auto", provider, aborted}, {"rotate", "--auto", provider, aborted, "--json"},
	} {
		if args[0] != "version" && args[0] != "help" {
			args = append(args, connect(t, vaulttest.Server().RootToken())...)
		}
		var errs strings.Builder
		if code := run(t.Context(), args, terminal.Streams{In: strings.NewReader(""), Out: failing{}, Err: &errs}); code != exitcode.Failure {
			t.Errorf("vaultkit %q: exit code %d: %s", args, code, errs.String())
		}
		has(t, errs.String(), "nobody listens")
	}
}

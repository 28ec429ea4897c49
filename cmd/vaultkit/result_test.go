package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/vaulttest"
)

// result is what a run of the CLI did.
type result struct {
	call     string // the arguments, for messages
	code     int
	out, err string
}

// vk runs the CLI on the package's Vault as root.
func vk(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	return vkAs(t, vaulttest.Server().RootToken(), stdin, args...)
}

// vkAs is vk with another token.
func vkAs(t testing.TB, token, stdin string, args ...string) result {
	t.Helper()
	return vkBare(t.Context(), t, stdin, append(args, connect(t, token)...)...)
}

// connect returns the connection flags for the package's Vault.
func connect(t testing.TB, token string) []string {
	t.Helper()
	return []string{"--address", vaulttest.Server().Addr(), "--token-file", file(t, token+"\n")}
}

// vkBare is vk without connection flags. Of all commands, only get and env may print a
// key to stdout, and none may print a token.
func vkBare(ctx context.Context, t testing.TB, stdin string, args ...string) result {
	t.Helper()
	var out bytes.Buffer
	r := vkTo(ctx, t, &out, stdin, args...)
	if r.out = out.String(); len(args) == 0 || args[0] != "get" && args[0] != "env" {
		r.printsNoSecret(t, r.out)
	}
	return r
}

// vkTo is vkBare with another standard output, which the result does not contain.
func vkTo(ctx context.Context, t testing.TB, out io.Writer, stdin string, args ...string) result {
	t.Helper()
	var err bytes.Buffer
	code := run(ctx, args, terminal.Streams{In: strings.NewReader(stdin), Out: out, Err: &err})
	r := result{call: strings.Join(args, " "), code: code, err: err.String()}
	r.printsNoSecret(t, r.err)
	return r
}

// printsNoSecret fails the test if a text that the run printed contains a secret.
func (r result) printsNoSecret(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{canary, vaulttest.Server().RootToken()} {
		if strings.Contains(text, secret) {
			t.Errorf("vaultkit %s prints %q, want no secret in it", r.call, text)
		}
	}
}

// ok fails the test unless the run succeeded, and returns what it printed.
func (r result) ok(t testing.TB) string {
	t.Helper()
	r.want(t, exitcode.OK)
	return r.out
}

// prints fails the test unless the run succeeded and printed exactly the text.
func (r result) prints(t testing.TB, want string) {
	t.Helper()
	if got := r.ok(t); got != want {
		t.Errorf("vaultkit %s prints %q, want %q", r.call, got, want)
	}
}

// shows fails the test unless the run succeeded and printed all of the texts.
func (r result) shows(t testing.TB, texts ...string) {
	t.Helper()
	r.ok(t)
	r.outHas(t, texts...)
}

// want checks the exit code, and that errors and data go to their own streams.
func (r result) want(t testing.TB, code int, texts ...string) {
	t.Helper()
	r.exits(t, code, texts...)
	if code == exitcode.OK {
		return
	}
	lines := strings.Count(r.err, "vaultkit: ") - strings.Count(r.err, "vaultkit: warning: ")
	if r.out != "" || !strings.HasPrefix(r.err, "vaultkit: ") || lines != 1 {
		t.Errorf("vaultkit %s: stdout = %q, stderr = %q, want one error, on stderr only", r.call, r.out, r.err)
	}
}

// exits checks the exit code, and that stderr has the texts.
func (r result) exits(t testing.TB, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("vaultkit %s: exit code = %d, want %d\nstdout: %s\nstderr: %s", r.call, r.code, code, r.out, r.err)
	}
	r.errHas(t, texts...)
}

// outHas fails the test unless the run printed all of the texts to stdout.
func (r result) outHas(t testing.TB, texts ...string) {
	t.Helper()
	has(t, "vaultkit "+r.call+": stdout", r.out, texts...)
}

// errHas fails the test unless the run printed all of the texts to stderr.
func (r result) errHas(t testing.TB, texts ...string) {
	t.Helper()
	has(t, "vaultkit "+r.call+": stderr", r.err, texts...)
}

// has fails the test unless got contains all of the texts. what names the call.
func has(t testing.TB, what, got string, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %q in it", what, got, want)
		}
	}
}

// hasKeys fails the test unless a JSON object has exactly the keys, which are sorted and
// separated by spaces. what names the call.
func hasKeys(t testing.TB, what string, object map[string]any, want string) {
	t.Helper()
	if got := keysOf(object); got != want {
		t.Errorf("%s: keys = %s, want %s", what, got, want)
	}
}

// keysOf returns the keys of an object, sorted and separated by spaces.
func keysOf(object map[string]any) string {
	return strings.Join(slices.Sorted(maps.Keys(object)), " ")
}

// decode decodes the one JSON document that a command printed.
func decode[T any](t testing.TB, text string, strict bool) T {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	if strict {
		decoder.DisallowUnknownFields()
	}
	var value T
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("decoding %q = %v, want a JSON value of type %T", text, err, value)
	}
	if decoder.More() {
		t.Fatalf("got several JSON documents, want one:\n%s", text)
	}
	return value
}

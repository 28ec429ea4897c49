package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/devvault"
	"goblin/vaultkit/internal/vaulttest"
)

func TestMain(m *testing.M) {
	for _, variable := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "CIRCLE_USERNAME", "BUILD_REQUESTEDFOR", "BUILDKITE_BUILD_CREATOR"} {
		os.Unsetenv(variable) // wherever the tests run
	}
	vaulttest.MainWith(m, makeProgramDir, func() error { return os.RemoveAll(programDir) })
}

// programDir is where the tests keep the program they have built.
var programDir string

func makeProgramDir(*devvault.Server) {
	var err error
	if programDir, err = os.MkdirTemp("", "vaultkit-test-"); err != nil {
		panic(err) // nothing can be built
	}
}

// canary is in every key the tests use, so that every run of the CLI in them
// looks for leaks.
const canary = "sk-canary-"

var keys atomic.Int64

// newKey is a key that no other test uses.
func newKey() string { return fmt.Sprintf("%s%06d", canary, keys.Add(1)) }

// result is what a run of the CLI did.
type result struct {
	call     string // the arguments, for messages
	code     int
	out, err string
}

// vk runs the CLI against the package's Vault as root.
func vk(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	return vkAs(t, vaulttest.Server().RootToken(), stdin, args...)
}

// vkAs is vk with another token.
func vkAs(t testing.TB, token, stdin string, args ...string) result {
	t.Helper()
	return vkBare(t.Context(), t, stdin, append(args, connect(t, token)...)...)
}

// connect are the flags that lead to the package's Vault.
func connect(t testing.TB, token string) []string {
	t.Helper()
	return []string{"--address", vaulttest.Server().Addr(), "--token-file", file(t, token+"\n")}
}

// vkBare is vk without connection flags. No key may show up anywhere but in what
// get and env print, and no token at all.
func vkBare(ctx context.Context, t testing.TB, stdin string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := run(ctx, args, terminal.Streams{In: strings.NewReader(stdin), Out: &out, Err: &err})
	r := result{strings.Join(args, " "), code, out.String(), err.String()}
	shown := r.err
	if len(args) == 0 || args[0] != "get" && args[0] != "env" {
		shown += r.out
	}
	for _, secret := range []string{canary, vaulttest.Server().RootToken()} {
		if strings.Contains(shown, secret) {
			t.Errorf("vaultkit %q prints a secret:\n%s%s", args, r.out, r.err)
		}
	}
	return r
}

// ok fails the test unless the run succeeded, and returns what it printed.
func (r result) ok(t testing.TB) string {
	t.Helper()
	r.want(t, exitcode.OK)
	return r.out
}

// want checks the exit code, and that errors and data go to their own streams.
func (r result) want(t testing.TB, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("vaultkit %s: exit code = %d, want %d\nstdout: %s\nstderr: %s", r.call, r.code, code, r.out, r.err)
	}
	if code != exitcode.OK && (r.out != "" || !strings.HasPrefix(r.err, "vaultkit: ") || strings.Count(r.err, "vaultkit: ") != 1+strings.Count(r.err, "vaultkit: warning: ")) {
		t.Errorf("vaultkit %s: an error must be on stderr alone, once:\nstdout: %s\nstderr: %s", r.call, r.out, r.err)
	}
	r.exits(t, code, texts...)
}

// exits checks the exit code and that stderr has the texts, whatever else there is.
func (r result) exits(t testing.TB, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("vaultkit %s: exit code = %d, want %d\nstdout: %s\nstderr: %s", r.call, r.code, code, r.out, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			t.Errorf("vaultkit %s: stderr = %q, want %q in it", r.call, r.err, text)
		}
	}
}

// file writes a file of the test's own.
func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stored makes a provider and returns its name and key.
func stored(t testing.TB) (provider, key string) {
	t.Helper()
	provider, key = vaulttest.Name(t), newKey()
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": key, "organization": "org"})
	return provider, key
}

// several makes providers.
func several(t testing.TB, count int) (providers []string) {
	t.Helper()
	for range count {
		provider, _ := stored(t)
		providers = append(providers, provider)
	}
	return providers
}

// rotated makes a provider, rotates it once and returns its name, its keys, and
// the rotation's id.
func rotated(t testing.TB) (provider, before, after, id string) {
	t.Helper()
	provider, before = stored(t)
	after = newKey()
	out := vk(t, after, "rotate", provider, "--new-key-stdin", "--json").ok(t)
	return provider, before, after, decode[struct {
		ID string `json:"id"`
	}](t, out, false).ID
}

// holds fails the test unless the provider's current key is the given one.
func holds(t testing.TB, provider, key string) {
	t.Helper()
	if got := vk(t, "", "get", provider).ok(t); got != key+"\n" {
		t.Errorf("vaultkit get %s = %q, want %q", provider, got, key+"\n")
	}
}

// role makes a token with one of the committed policies and nothing else.
func role(t testing.TB, name string) string {
	t.Helper()
	return vaulttest.Token(t, vaulttest.Policy(t, "../../", name))
}

// untouched returns a check that Vault still holds of the provider what it holds
// now.
func untouched(t testing.TB, provider string) (check func()) {
	t.Helper()
	before := vaulttest.Snapshot(t, provider)
	return func() {
		t.Helper()
		if after := vaulttest.Snapshot(t, provider); !reflect.DeepEqual(before, after) {
			t.Errorf("Vault holds of %s\n%v, want\n%v", provider, after, before)
		}
	}
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
		t.Fatalf("%v in:\n%s", err, text)
	}
	if decoder.More() {
		t.Fatalf("more than one document:\n%s", text)
	}
	return value
}

// keysOf are the keys of an object, sorted and joined.
func keysOf(object map[string]any) string {
	return strings.Join(slices.Sorted(maps.Keys(object)), " ")
}

// has fails the test unless the text has all the others.
func has(t testing.TB, text string, all ...string) {
	t.Helper()
	for _, one := range all {
		if !strings.Contains(text, one) {
			t.Errorf("got %q, want %q in it", text, one)
		}
	}
}

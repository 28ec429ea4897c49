package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"syscall"
	"testing"

	"goblin/vaultkit/internal/vaultcommand"
	"goblin/vaultkit/internal/vaulttest"
)

// TestMain runs the tests, or is the vault command of a test that links this binary under that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "vault" {
		os.Exit(vaultcommand.Main(os.Args[1:]))
	}
	for _, variable := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "CIRCLE_USERNAME", "BUILD_REQUESTEDFOR", "BUILDKITE_BUILD_CREATOR"} {
		os.Unsetenv(variable) // a CI system may have set it
	}
	// Under nohup, children would inherit that SIGHUP is ignored. What is caught is not inherited.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	vaulttest.MainWith(m, makeProgramDir, func() error { return os.RemoveAll(programDir) })
}

// programDir is the directory of the built program.
var programDir string

func makeProgramDir(vaulttest.Vault) {
	var err error
	if programDir, err = os.MkdirTemp("", "vaultkit-test-"); err != nil {
		panic(err) // nothing can be built
	}
}

// canary starts every key of the tests, so that every run can check its output for keys.
const canary = "sk-canary-"

var keys atomic.Int64

// newKey returns a key that no other test uses.
func newKey() string { return fmt.Sprintf("%s%06d", canary, keys.Add(1)) }

// file writes a temporary file and returns its path.
func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatalf("os.WriteFile() = %v, want no error", err)
	}
	return path
}

// stored stores a provider and returns its name and key.
func stored(t testing.TB) (provider, key string) {
	t.Helper()
	provider, key = vaulttest.Name(t), newKey()
	vaulttest.Put(t, "providers/"+provider, map[string]any{"api_key": key, "organization": "org"})
	return provider, key
}

// deleteCurrent deletes the current version of a provider's secret.
func deleteCurrent(t testing.TB, provider string) {
	t.Helper()
	path := vaulttest.Base + "/providers/" + provider
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), path); err != nil {
		t.Fatalf("Delete(%s) = %v, want no error", path, err)
	}
}

// several stores providers and returns their names.
func several(t testing.TB, count int) (providers []string) {
	t.Helper()
	for range count {
		provider, _ := stored(t)
		providers = append(providers, provider)
	}
	return providers
}

// rotated stores a provider, rotates it once, and returns its name, its keys, and the
// rotation's id.
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
	vk(t, "", "get", provider).prints(t, key+"\n")
}

// role returns a token with one of the committed policies and nothing else.
func role(t testing.TB, name string) string {
	t.Helper()
	return vaulttest.Token(t, vaulttest.Policy(t, "../../", name))
}

// untouched returns a check that the provider's entries in Vault have not changed.
func untouched(t testing.TB, provider string) (check func()) {
	t.Helper()
	before := vaulttest.Snapshot(t, provider)
	return func() {
		t.Helper()
		if after := vaulttest.Snapshot(t, provider); !reflect.DeepEqual(before, after) {
			t.Errorf("entries of %s in Vault =\n%v, want no change:\n%v", provider, after, before)
		}
	}
}

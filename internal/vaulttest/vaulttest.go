// Package vaulttest provides what the tests of several packages share: a Vault for
// each test package, tokens with a given policy, and functions that read and write Vault
// with only the official client. Only tests import it.
package vaulttest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"go.uber.org/goleak"
)

// Mount and Base are where the tests store everything. They are vaultkit's defaults.
const (
	Mount = "secret"
	Base  = "goblin-assistant"
)

var server Vault

// Main runs a package's tests with a Vault. It fails if goroutines are left.
func Main(m *testing.M) {
	MainWith(m, func(Vault) {}, func() error { return nil })
}

// MainWith is Main with a preparation after the server's start and a clean-up at the end.
func MainWith(m *testing.M, before func(Vault), after func() error) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "VAULT_") || strings.HasPrefix(name, "VAULTKIT_") && name != "VAULTKIT_VAULT_BIN" && name != longVariable {
			_ = os.Unsetenv(name) // the tests must not use a developer's own Vault
		}
	}
	os.Exit(run(m, before, after))
}

func run(m *testing.M, before func(Vault), after func() error) int {
	flag.Parse()
	if testing.Short() { // most tests wait, and the Vault in the process needs little of the machine
		Must(flag.Set("test.parallel", "8"))
	}
	var err error
	if server, err = start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	before(server)
	code := m.Run()
	if err := errors.Join(after(), server.Stop(), leaks(code)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// leaks looks for goroutines only after success, because a failed test may leave some.
func leaks(code int) error {
	if code != 0 {
		return nil
	}
	return goleak.Find()
}

// longVariable names the variable that makes random tests run longer.
const longVariable = "VAULTKIT_LONG"

// Long reports whether VAULTKIT_LONG is set, which makes random tests run longer.
func Long() bool { return os.Getenv(longVariable) != "" }

// Root returns an official client with the root token.
func Root(t testing.TB) *api.Client {
	t.Helper()
	return RootOf(t, server)
}

// RootOf is Root for another server.
func RootOf(t testing.TB, s Vault) *api.Client {
	t.Helper()
	return RootAt(t, s.Addr(), s.RootToken())
}

// RootAt is Root for a server at an address, such as a node of a cluster.
func RootAt(t testing.TB, address, token string) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(token)
	t.Cleanup(client.CloneConfig().HttpClient.CloseIdleConnections)
	return client
}

// Token creates a token with only the given policy (HCL), without the default policy.
func Token(t testing.TB, policy string) string {
	t.Helper()
	return TokenAt(t, Root(t), policy)
}

// TokenAt is Token at the root client's server.
func TokenAt(t testing.TB, root *api.Client, policy string) string {
	t.Helper()
	name := Name(t)
	if err := root.Sys().PutPolicyWithContext(t.Context(), name, policy); err != nil {
		t.Fatal(err)
	}
	secret, err := root.Auth().Token().CreateOrphanWithContext(t.Context(), &api.TokenCreateRequest{
		Policies: []string{name}, NoDefaultPolicy: true, TTL: "1h",
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Auth.ClientToken
}

// Policy reads a committed policy, testdata/policies/<role>.hcl. up is the path to the
// repository's root.
func Policy(t testing.TB, up, role string) string {
	t.Helper()
	text, err := os.ReadFile(up + "testdata/policies/" + role + ".hcl")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var names atomic.Int64

// Name returns a provider name that no other test uses.
func Name(t testing.TB) string {
	t.Helper()
	safe := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}
	name := strings.Map(safe, t.Name())
	if len(name) > 100 {
		name = name[:100]
	}
	return fmt.Sprintf("%s-%d", strings.Trim(name, "-"), names.Add(1))
}

// Put writes an entry below the base path, as a client other than vaultkit would, and
// returns the new version.
func Put(t testing.TB, path string, data map[string]any) int {
	t.Helper()
	secret, err := Root(t).KVv2(Mount).Put(t.Context(), Base+"/"+path, data)
	if err != nil {
		t.Fatal(err)
	}
	return secret.VersionMetadata.Version
}

// Entry is an entry in Vault.
type Entry struct {
	Current  int
	Versions map[int]map[string]any // nil data: deleted or destroyed
	Custom   map[string]any
}

// Look returns every entry below the base path whose path starts with prefix.
func Look(t testing.TB, prefix string) map[string]Entry {
	t.Helper()
	return LookAt(t, Root(t), prefix)
}

// LookAt is Look with another client.
func LookAt(t testing.TB, root *api.Client, prefix string) map[string]Entry {
	t.Helper()
	found := make(map[string]Entry)
	readEntries(t, root, strings.Trim(prefix, "/"), found)
	return found
}

// Snapshot returns all entries of a provider.
func Snapshot(t testing.TB, provider string) map[string]Entry {
	t.Helper()
	all := make(map[string]Entry)
	for _, prefix := range []string{"providers/", "backups/", "rotations/", "revocations/"} {
		maps.Copy(all, Look(t, prefix+provider))
	}
	return all
}

func readEntries(t testing.TB, root *api.Client, path string, found map[string]Entry) {
	t.Helper()
	secret, err := root.Logical().ListWithContext(t.Context(), Mount+"/metadata/"+Base+"/"+path)
	if err != nil {
		t.Fatal(err)
	}
	if secret != nil {
		keys, _ := secret.Data["keys"].([]any)
		for _, key := range keys {
			readEntries(t, root, path+"/"+strings.TrimSuffix(key.(string), "/"), found)
		}
	}
	meta, err := root.KVv2(Mount).GetMetadata(t.Context(), Base+"/"+path)
	if errors.Is(err, api.ErrSecretNotFound) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	entry := Entry{Current: meta.CurrentVersion, Versions: map[int]map[string]any{}, Custom: meta.CustomMetadata}
	for _, version := range meta.Versions {
		one, err := root.KVv2(Mount).GetVersion(t.Context(), Base+"/"+path, version.Version)
		if err != nil {
			t.Fatal(err)
		}
		entry.Versions[version.Version] = one.Data
	}
	found[path] = entry
}

// Everything returns the current version of every entry in every KV mount. Tests use it to
// check that nothing was written.
func Everything(t testing.TB) map[string]int {
	t.Helper()
	root := Root(t)
	mounts, err := root.Sys().ListMountsWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]int)
	for mount, about := range mounts {
		if about.Type != "kv" {
			continue
		}
		dir := mount
		if about.Options["version"] == "2" {
			dir += "metadata/"
		}
		walk(t, root, dir, func(path string) {
			found[path] = 1 // version 1 of the engine has no versions
			secret, err := root.Logical().ReadWithContext(t.Context(), path)
			if err == nil && secret != nil && dir != mount {
				number, _ := secret.Data["current_version"].(json.Number)
				version, _ := number.Int64()
				found[path] = int(version)
			}
		})
	}
	return found
}

// walk calls visit for every entry below a directory.
func walk(t testing.TB, root *api.Client, dir string, visit func(path string)) {
	t.Helper()
	secret, err := root.Logical().ListWithContext(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if secret == nil {
		return
	}
	keys, _ := secret.Data["keys"].([]any)
	for _, key := range keys {
		if path := dir + key.(string); strings.HasSuffix(path, "/") {
			walk(t, root, path, visit)
		} else {
			visit(path)
		}
	}
}

// Eventually polls until ok returns true, and fails the test after 30 s.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 30 s, want: %s", what)
		}
	}
}

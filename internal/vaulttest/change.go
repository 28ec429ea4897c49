package vaulttest

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// PutProvider stores a provider with a new name and returns the name.
func PutProvider(t testing.TB, fields map[string]any) string {
	t.Helper()
	name := Name(t)
	Put(t, "providers/"+name, fields)
	return name
}

// AssertUnchanged runs f and fails the test if it changes anything of the provider in
// Vault.
func AssertUnchanged(t *testing.T, provider string, f func()) {
	t.Helper()
	before := Snapshot(t, provider)
	f()
	if after := Snapshot(t, provider); !reflect.DeepEqual(before, after) {
		t.Errorf("Vault holds\n%+v\nwant it unchanged\n%+v", after, before)
	}
}

// AssertSecretUnchanged is AssertUnchanged, but ignores the entries that announce a
// revocation.
func AssertSecretUnchanged(t *testing.T, provider string, f func()) {
	t.Helper()
	snapshot := func() map[string]Entry {
		entries := Snapshot(t, provider)
		maps.DeleteFunc(entries, func(path string, _ Entry) bool { return strings.HasPrefix(path, "revocations/") })
		return entries
	}
	before := snapshot()
	f()
	if after := snapshot(); !reflect.DeepEqual(before, after) {
		t.Errorf("Vault holds\n%+v\nwant it unchanged\n%+v", after, before)
	}
}

// WriteFile writes a file that only its owner can read.
func WriteFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Write writes to any path of Vault.
func Write(t *testing.T, client *api.Client, path string, data map[string]any) {
	t.Helper()
	if _, err := client.Logical().WriteWithContext(t.Context(), path, data); err != nil {
		t.Fatal(err)
	}
}

// SoftDelete deletes the provider's current version, which can be undeleted.
func SoftDelete(t *testing.T, provider string) {
	t.Helper()
	if err := Root(t).KVv2(Mount).Delete(t.Context(), Base+"/providers/"+provider); err != nil {
		t.Error(err)
	}
}

// PutToBeDeleted writes a version that Vault deletes after a time, and later versions too.
func PutToBeDeleted(t *testing.T, p, after string) {
	t.Helper()
	SetDeleteVersionAfter(t, p, after)
	Put(t, "providers/"+p, map[string]any{"api_key": "fake-to-be-deleted"})
}

// SetDeleteVersionAfter makes Vault delete each later version of the provider after a
// time.
func SetDeleteVersionAfter(t *testing.T, p, after string) {
	t.Helper()
	Write(t, Root(t), Mount+"/metadata/"+Base+"/providers/"+p, map[string]any{"delete_version_after": after})
}

// MountEngine mounts a secrets engine until the test ends and returns its path.
func MountEngine(t *testing.T, kind string, options map[string]string) string {
	t.Helper()
	path, sys := "engines/"+Name(t), Root(t).Sys()
	if err := sys.MountWithContext(t.Context(), path, &api.MountInput{Type: kind, Options: options}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Unmount(path); err != nil {
			t.Error(err)
		}
	})
	return path
}

// CustomMetadata returns a patch of an entry's custom metadata.
func CustomMetadata(custom map[string]any) api.KVMetadataPatchInput {
	return api.KVMetadataPatchInput{CustomMetadata: custom}
}

// SameJSON reports whether both have the same JSON text.
func SameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	one, err1 := json.Marshal(a)
	two, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(one) == string(two)
}

// Must panics if err is not nil, for code without a test to fail.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

package vaulttest

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/memvault"
	"goblin/vaultkit/internal/realvault"
)

// StartOpenBao runs another OpenBao until the test ends: a real one if the package's Vault is one,
// and otherwise the one in the process.
func StartOpenBao(t testing.TB) Vault {
	t.Helper()
	if OpenBao() {
		return Start(t)
	}
	s, err := startInMemory(t.Context(), memvault.OpenBao)
	return realvault.UntilEnd(t, s, err)
}

// AddNamespace creates a namespace, and those above it, with KV version 2 and AppRole at their usual
// paths. It returns a client in it.
func AddNamespace(t testing.TB, root *api.Client, path string) *api.Client {
	t.Helper()
	inside := root
	for name := range strings.SplitSeq(path, "/") {
		if _, err := inside.Logical().WriteWithContext(t.Context(), "sys/namespaces/"+name, nil); err != nil {
			t.Fatal(err)
		}
		inside = root.WithNamespace(strings.Trim(inside.Namespace()+"/"+name, "/"))
	}
	kv := &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}
	if err := inside.Sys().MountWithContext(t.Context(), Mount, kv); err != nil {
		t.Fatal(err)
	}
	if err := inside.Sys().EnableAuthWithOptionsWithContext(t.Context(), "approle", &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	return inside
}

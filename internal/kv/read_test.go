package kv_test

import (
	"errors"
	"testing"

	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

// Read returns the newest version, and says which one it is if it is deleted or destroyed.
func TestRead_ReturnsTheNewestVersion(t *testing.T) {
	store, name, root := newStore(t), vaulttest.Name(t), vaulttest.Root(t).KVv2(vaulttest.Mount)
	for _, key := range []string{"fake-1", "fake-2"} {
		vaulttest.Put(t, "providers/"+name, map[string]any{"api_key": key})
	}
	path := vaulttest.Base + "/providers/" + name
	for _, step := range []struct {
		what string
		do   func() error
		want error
		not  error
	}{
		{"in force", func() error { return nil }, nil, vaulterr.ErrDeleted},
		{"deleted", func() error { return root.Delete(t.Context(), path) }, vaulterr.ErrDeleted, vaulterr.ErrDestroyed},
		{"destroyed", func() error { return root.Destroy(t.Context(), path, []int{2}) }, vaulterr.ErrDestroyed, vaulterr.ErrNotFound},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		secret, err := store.Read(t.Context(), kv.EntryName{"providers", name})
		if !errors.Is(err, step.want) || errors.Is(err, step.not) || secret.Version != 2 || secret.Created.IsZero() {
			t.Errorf("Read of version 2, %s = %+v, %v, want version 2 and %v", step.what, secret, err, step.want)
		}
		if step.want == nil && secret.Data["api_key"] != "fake-2" {
			t.Errorf("Read of version 2 = %v, want fake-2", secret.Data)
		}
	}
}

// A denial names the capability that the request needs. Other errors name none.
func TestDenial_NamesTheCapability(t *testing.T) {
	store, missing := storeFor(t, noRights), kv.EntryName{"providers", vaulttest.Name(t)}
	for want, err := range map[string]error{
		"read":   fails(store.Read(t.Context(), missing)),
		"create": fails(store.Write(t.Context(), missing, 0, nil)),
		"update": fails(store.Write(t.Context(), missing, 1, nil)),
		"list":   fails(store.List(t.Context(), missing)),
	} {
		failed, ok := errors.AsType[*vaulterr.Error](err)
		if !ok || !errors.Is(err, vaulterr.ErrPermissionDenied) || failed.Capability != want {
			t.Errorf("without a policy: %v, want ErrPermissionDenied with the capability %q", err, want)
		}
	}
	_, err := newStore(t).Read(t.Context(), missing)
	if failed, ok := errors.AsType[*vaulterr.Error](err); !ok || !errors.Is(err, vaulterr.ErrNotFound) || failed.Capability != "" {
		t.Errorf("Read of a missing entry = %#v, want ErrNotFound without a capability", err)
	}
}

const noRights = "# Vault takes no empty policy"

// storeFor returns a store with a token that has only this policy.
func storeFor(t *testing.T, policy string) *kv.Store {
	t.Helper()
	client := vaulttest.RootAt(t, vaulttest.Server().Addr(), vaulttest.Token(t, policy))
	return kv.New(sender{client}, vaulttest.Mount, vaulttest.Base, backoff.Backoff{})
}

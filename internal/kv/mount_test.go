package kv_test

import (
	"errors"
	"testing"

	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
	"goblin/vaultkit/internal/vaulttest"
)

func TestValidateMount_RefusesAllButTheStoresKVv2(t *testing.T) {
	for name, tc := range map[string]struct {
		mount kv.Mount
		want  error
	}{
		"version 2":     {kv.Mount{Path: vaulttest.Mount, Type: "kv", Version: "2"}, nil},
		"generic":       {kv.Mount{Path: vaulttest.Mount, Type: "generic", Version: "2"}, nil},
		"version 1":     {kv.Mount{Path: vaulttest.Mount, Type: "kv", Version: "1"}, vaulterr.ErrNotKVv2},
		"no version":    {kv.Mount{Path: vaulttest.Mount, Type: "kv"}, vaulterr.ErrNotKVv2},
		"another type":  {kv.Mount{Path: vaulttest.Mount, Type: "transit", Version: "2"}, vaulterr.ErrNotKVv2},
		"another mount": {kv.Mount{Path: "sec", Type: "kv", Version: "2"}, vaulterr.ErrMountNotFound},
	} {
		if err := newStore(t).ValidateMount(tc.mount); !errors.Is(err, tc.want) {
			t.Errorf("ValidateMount(%s) = %v, want %v", name, err, tc.want)
		}
	}
	if err := newStore(t).CheckMount(t.Context()); err != nil {
		t.Errorf("CheckMount of a KV version 2 mount = %v, want nil", err)
	}
}

// CheckCapabilities names the first capability that the token lacks.
func TestCheckCapabilities_NamesTheFirstMissingOne(t *testing.T) {
	entry := kv.EntryName{"providers", "p"}
	read := kv.PathCapability{Entry: entry, Endpoint: "data", Capability: "read"}
	update := kv.PathCapability{Entry: entry, Endpoint: "data", Capability: "update"}
	list := kv.PathCapability{Entry: kv.EntryName{"providers"}, Endpoint: "metadata", Capability: "list"}
	const policy = `path "secret/data/goblin-assistant/providers/p" { capabilities = ["read"] }
		path "sys/capabilities-self" { capabilities = ["update"] }`
	for name, tc := range map[string]struct {
		store    *kv.Store
		required []kv.PathCapability
		missing  string // empty: none
	}{
		"granted":      {storeFor(t, policy), []kv.PathCapability{read}, ""},
		"one missing":  {storeFor(t, policy), []kv.PathCapability{read, update}, "update"},
		"two missing":  {storeFor(t, policy), []kv.PathCapability{list, read, update}, "list"},
		"root":         {newStore(t), []kv.PathCapability{read, update, list}, ""},
		"cannot query": {storeFor(t, noRights), []kv.PathCapability{read}, ""},
	} {
		err := tc.store.CheckCapabilities(t.Context(), tc.required)
		failed, denied := errors.AsType[*vaulterr.Error](err)
		if denied != (tc.missing != "") || denied && (!errors.Is(err, vaulterr.ErrPermissionDenied) || failed.Capability != tc.missing) {
			t.Errorf("%s: CheckCapabilities = %v, want the missing capability %q", name, err, tc.missing)
		}
	}
}

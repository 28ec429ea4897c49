package rotation_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// TestPut_ReplacesNoDeletedVersionThatWouldBePruned: with max_versions=1 the write would prune
// the deleted version, and a key that is undeleted at that moment would be lost.
func TestPut_ReplacesNoDeletedVersionThatWouldBePruned(t *testing.T) {
	root := vaulttest.Root(t)
	configure := func(path string, most int) {
		t.Helper()
		if _, err := root.Logical().WriteWithContext(t.Context(), path, map[string]any{"max_versions": most}); err != nil {
			t.Fatal(err)
		}
	}
	keys, next := vaultkit.ProviderKeys{"api_key": "fake-1"}, vaultkit.ProviderKeys{"api_key": "fake-2"}
	for name, tc := range map[string]struct {
		mount, own int // max_versions; 0: not set
		stored     int // how often the provider was stored
		destroy    bool
		refused    map[string]bool // by the role of the token
	}{
		"one version":                 {0, 1, 1, false, map[string]bool{"root": true, "rotator": true}},
		"one version, of several":     {0, 1, 3, false, map[string]bool{"root": true, "rotator": true}},
		"one version, destroyed":      {0, 1, 1, true, map[string]bool{"root": false, "rotator": false}},
		"two versions":                {0, 2, 1, false, map[string]bool{"root": false, "rotator": false}},
		"as Vault does":               {0, 0, 1, false, map[string]bool{"root": false, "rotator": false}},
		"the mount keeps one":         {1, 0, 1, false, map[string]bool{"root": true}}, // which a rotator cannot see
		"the mount keeps one, pruned": {1, 0, 3, false, map[string]bool{"root": true, "rotator": true}},
		"the mount keeps more":        {5, 1, 1, false, map[string]bool{"root": false}},
	} {
		t.Run(name, func(t *testing.T) {
			mount := vaulttest.Name(t)
			if err := root.Sys().MountWithContext(t.Context(), mount, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
				t.Fatal(err)
			}
			policy, err := policy.ForRole(policy.Rotator, policy.AtMount(mount))
			if err != nil {
				t.Fatal(err)
			}
			clients := map[string]*vaultkit.Client{
				"root":    clienttest.New(t, vaultkit.WithMount(mount)),
				"rotator": clienttest.New(t, vaultkit.WithMount(mount), vaultkit.WithToken(vaultkit.FromString(vaulttest.TokenAt(t, root, policy)))),
			}
			configure(mount+"/config", tc.mount)
			for role, refused := range tc.refused {
				kv, path := root.KVv2(mount), "goblin-assistant/providers/"+role
				for range tc.stored {
					if _, err := kv.Put(t.Context(), path, map[string]any{"api_key": "fake-1"}); err != nil {
						t.Fatal(err)
					}
				}
				configure(mount+"/metadata/"+path, tc.own)
				remove := kv.Delete
				if tc.destroy {
					remove = func(ctx context.Context, path string) error { return kv.Destroy(ctx, path, []int{tc.stored}) }
				}
				if err := remove(t.Context(), path); err != nil {
					t.Fatal(err)
				}
				version, err := clients[role].PutProviderKeys(t.Context(), role, next, vaultkit.ReplaceDeleted())
				if refused != errors.Is(err, vaultkit.ErrConflict) || !refused && (err != nil || version != tc.stored+1) {
					t.Errorf("PutProviderKeys(ReplaceDeleted) as %s = %d, %v, want ErrConflict: %v", role, version, err, refused)
				}
				if !refused {
					continue
				}
				if err := kv.Undelete(t.Context(), path, []int{tc.stored}); err != nil {
					t.Fatal(err)
				}
				if got, err := clients["root"].GetProviderKeys(t.Context(), role); err != nil || !maps.Equal(got, keys) {
					t.Errorf("after Undelete GetProviderKeys = %v, %v, want the old key", got, err)
				}
			}
		})
	}
}

func TestPut_AfterALostResponseFindsWhoWroteTheVersion(t *testing.T) {
	keys := vaultkit.ProviderKeys{"api_key": "fake-mine"}
	for name, tc := range map[string]struct {
		fault func(provider string) faultproxy.Action
		want  error
	}{
		"lost":         {func(string) faultproxy.Action { return faultproxy.Lose() }, nil},
		"500, applied": {func(string) faultproxy.Action { return faultproxy.Error(500, "{}", true) }, nil},
		"refused":      {func(string) faultproxy.Action { return faultproxy.Refuse() }, nil},
		"a rival's": {func(p string) faultproxy.Action {
			return faultproxy.Before(func() { vaulttest.Put(t, "providers/"+p, clienttest.OldSecret) })
		}, vaultkit.ErrConflict},
		"lost to rivals": {func(p string) faultproxy.Action {
			return faultproxy.Refuse().Before(func() { vaulttest.Put(t, "providers/"+p, clienttest.OldSecret) })
		}, vaultkit.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.Name(t)
			client := clienttest.NewWithFaults(t, faultproxy.At(1, tc.fault(p)))
			version, err := client.PutProviderKeys(t.Context(), p, keys)
			if !errors.Is(err, tc.want) || version != map[bool]int{true: 1, false: 0}[err == nil] {
				t.Errorf("PutProviderKeys = %d, %v, want %v, and version 1 only without an error", version, err, tc.want)
			}
			if current := vaulttest.Snapshot(t, p)["providers/"+p].Current; current != 1 {
				t.Errorf("the current version is %d, want 1", current)
			}
		})
	}
	client := clienttest.NewWithFaults(t, func(faultproxy.Request) faultproxy.Action { return faultproxy.Lose() }, vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 50e6}))
	if _, err := client.PutProviderKeys(t.Context(), vaulttest.Name(t), keys); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Errorf("PutProviderKeys with every response lost = %v, want ErrUndetermined", err)
	}
}

package rotation_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// A client that has just rotated a provider relies on the answer about its capabilities. It asks
// again where a missing capability would do harm, and after a failure.
func TestRotate_AsksForCapabilitiesOnceInAShortTime(t *testing.T) {
	key := vaultkit.NewKey
	for name, tc := range map[string]struct {
		before  func(t *testing.T, client *vaultkit.Client, p string)
		source  vaultkit.Source
		options []vaultkit.RotateOption
		asks    bool
	}{
		"the first rotation": {func(*testing.T, *vaultkit.Client, string) {}, key("fake-last"), nil, true},
		"after a rotation":   {rotateOnce, key("fake-last"), nil, false},
		"after one of another provider": {func(t *testing.T, client *vaultkit.Client, _ string) {
			rotateOnce(t, client, vaulttest.PutProvider(t, clienttest.OldSecret))
		}, key("fake-last"), nil, true},
		"a dry run":               {rotateOnce, key("fake-last"), []vaultkit.RotateOption{vaultkit.WithDryRun()}, true},
		"a source that issues":    {rotateOnce, &clienttest.FieldSource{Fields: object{"api_key": "fake-last"}}, nil, true},
		"with other capabilities": {rotateOnce, key("fake-last"), []vaultkit.RotateOption{vaultkit.AllowRevoked()}, true},
		"after a failed rotation": {func(t *testing.T, client *vaultkit.Client, p string) {
			rotateOnce(t, client, p)
			if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(object{"absent": "fake"})); err == nil {
				t.Fatal("Rotate of a field that the secret does not have = nil, want ErrFieldMissing")
			}
		}, key("fake-last"), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, proxy := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewProxy(t)
			client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
			tc.before(t, client, p)
			before := len(proxy.Log())
			if _, err := client.Rotate(t.Context(), p, tc.source, tc.options...); err != nil {
				t.Fatal(err)
			}
			asked := slices.ContainsFunc(proxy.Log()[before:], func(r faultproxy.Request) bool {
				return strings.HasSuffix(r.Path, "sys/capabilities-self")
			})
			if asked != tc.asks {
				t.Errorf("Rotate asked for its capabilities: %v, want %v", asked, tc.asks)
			}
		})
	}
}

// A client whose token was replaced asks for the new one's capabilities.
func TestRotate_AsksForCapabilitiesAfterALogin(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	file := filepath.Join(t.TempDir(), "token")
	write := func(policy string) string {
		token := vaulttest.Token(t, policy)
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		return token
	}
	rotator := vaulttest.Policy(t, "../../", "rotator")
	first := write(rotator)
	client := clienttest.New(t, vaultkit.WithToken(vaultkit.FromFile(file)))
	rotateOnce(t, client, p)
	write(clienttest.WithoutRight(rotator, clienttest.Right{Path: "secret/data/goblin-assistant/rotations/+/+", Capability: "create"}))
	if err := vaulttest.Root(t).Auth().Token().RevokeOrphanWithContext(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-last"))
		if !errors.Is(err, vaultkit.ErrPermissionDenied) || errors.Is(err, vaultkit.ErrUndetermined) {
			t.Errorf("Rotate with a new token without a right = %v, want only ErrPermissionDenied", err)
		}
	})
}

// After an undetermined rotation, a token that may no longer see backups is no proof that there is
// none.
func TestRotate_StaysUndeterminedAfterThePolicyShrinks(t *testing.T) {
	p, name, root := vaulttest.PutProvider(t, clienttest.OldSecret), vaulttest.Name(t), vaulttest.Root(t)
	put := func(policy string) {
		if err := root.Sys().PutPolicyWithContext(t.Context(), name, policy); err != nil {
			t.Fatal(err)
		}
	}
	rotator := vaulttest.Policy(t, "../../", "rotator")
	put(rotator)
	token, err := root.Auth().Token().CreateOrphanWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{name}, NoDefaultPolicy: true, TTL: "1h"})
	if err != nil {
		t.Fatal(err)
	}
	proxy := clienttest.NewProxy(t)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), vaultkit.WithToken(vaultkit.FromString(token.Auth.ClientToken)))
	rotateOnce(t, client, p)

	ctx, cancel := context.WithCancel(t.Context())
	proxy.SetRule(clienttest.OnCommit(p, faultproxy.Refuse().Before(cancel)))
	if _, err := client.Rotate(ctx, p, vaultkit.NewKey("fake-last")); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("Rotate whose commit got no response = %v, want ErrUndetermined", err)
	}
	proxy.SetRule(nil)
	put(rotator + "path \"secret/+/goblin-assistant/backups/*\" { capabilities = [\"deny\"] }\n" +
		"path \"secret/data/goblin-assistant/backups/+/+\" { capabilities = [\"deny\"] }\n" +
		"path \"secret/metadata/goblin-assistant/backups/+/+\" { capabilities = [\"deny\"] }\n")
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-last")); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Errorf("Rotate again, without the right to see backups = %v, want ErrUndetermined", err)
	}
}

func rotateOnce(t *testing.T, client *vaultkit.Client, p string) {
	t.Helper()
	clienttest.Rotate(t, client, p, "fake-once")
}

package rotation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/policy"
)

// Which values are the same key, and which operations refuse a revoked key.

// attemptFor returns the path of an entry that another client wrote to revoke the key.
func attemptFor(p, key string) string {
	name := protocol.AttemptName(p, "api_key", key, protocol.NewAttemptID())
	return "revocations/" + p + "/" + protocol.AttemptDirectory(name) + "/" + name
}

// change rotates fields of a new provider and returns its name and the rotation's id.
func change(t *testing.T, from, to map[string]any) (p, id string) {
	t.Helper()
	p = vaulttest.PutProvider(t, from)
	r, err := clienttest.New(t).Rotate(t.Context(), p, vaultkit.NewFields(to), vaultkit.AddFields())
	if err != nil {
		t.Fatal(err)
	}
	return p, r.ID
}

// The old value in another spelling is still the key in force.
func TestRevokeOld_RefusesTheKeyInAnySpelling(t *testing.T) {
	for name, tc := range map[string]struct{ from, to map[string]any }{
		"white space":           {object{"api_key": "fake-live-abc\n"}, object{"api_key": "fake-live-abc"}},
		"a number as text":      {object{"api_key": 4815162342}, object{"api_key": "4815162342"}},
		"text as a number":      {object{"api_key": "4815162342"}, object{"api_key": 4815162342}},
		"in another field":      {object{"api_key": "fake-live-abc", "x": "1"}, object{"api_key": "fake-live-new", "x": "fake-live-abc"}},
		"inside another field":  {object{"api_key": "fake-live-abc"}, object{"api_key": "fake-live-new", "base_url": "https://u:fake-live-abc@host"}},
		"percent-encoded":       {object{"api_key": "fake/live+abc"}, object{"api_key": "fake-live-new", "base_url": "https://u:fake%2Flive%2Babc@host"}},
		"the key without a tag": {object{"api_key": "Bearer fake-live-abc"}, object{"api_key": "fake-live-abc"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, id := change(t, tc.from, tc.to)
			api := &clienttest.Revoker{}
			vaulttest.AssertUnchanged(t, p, func() {
				if _, err := clienttest.New(t).RevokeOld(t.Context(), p, id, api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrConflict) || len(api.Revoked) > 0 {
					t.Errorf("RevokeOld = %v, asked %d times, want ErrConflict and 0", err, len(api.Revoked))
				}
			})
		})
	}
}

// A short value occurs in other texts by chance, and a boolean is not a key.
func TestRevokeOld_ComparesShortKeysInTheirFieldOnly(t *testing.T) {
	p, id := change(t, object{"pin": "1234", "on": true, "api_key": "fake-live-abc"}, object{"pin": "9999", "on": false, "api_key": "fake-1234-new"})
	api := &clienttest.Revoker{}
	if _, err := clienttest.New(t).RevokeOld(t.Context(), p, id, api, vaultkit.IgnoreOtherProviders()); err != nil {
		t.Fatal(err)
	}
	if keys := api.Revoked[0]; len(keys) != 2 || keys["pin"] != "1234" || keys["api_key"] != "fake-live-abc" {
		t.Errorf("RevokeOld revoked %v, want pin and api_key", keys)
	}
	flags, id := change(t, object{"on": true, "api_key": "fake"}, object{"on": false})
	if _, err := clienttest.New(t).RevokeOld(t.Context(), flags, id, api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrNoChange) {
		t.Errorf("RevokeOld of a flag = %v, want ErrNoChange", err)
	}
}

// A value that cannot be passed to a revoker is refused before anything is written.
func TestRevokeOldOfAnObjectChangesNothing(t *testing.T) {
	p := vaulttest.PutProvider(t, object{"api_key": object{"id": "fake-1"}})
	r, err := clienttest.New(t).Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
	if err != nil {
		t.Fatal(err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := clienttest.New(t).RevokeOld(t.Context(), p, r.ID, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), "api_key") {
			t.Errorf("RevokeOld of an object = %v, want ErrInvalid that names the field", err)
		}
	})
}

// No operation puts a revoked key in force, in any spelling, unless that is allowed. Unchanged
// fields are not checked.
func TestRotate_RefusesRevokedKeys(t *testing.T) {
	client := clienttest.New(t)
	p, id := change(t, object{"api_key": "fake-live-abc\n", "n": "1"}, object{"api_key": "fake-live-new"})
	if _, err := client.RevokeOld(t.Context(), p, id, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil {
		t.Fatal(err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		for _, key := range []string{"fake-live-abc", "fake-live-abc\n", " fake-live-abc"} {
			_, err := client.Rotate(t.Context(), p, vaultkit.NewKey(key))
			if !errors.Is(err, vaultkit.ErrConflict) || !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), "fake-live-abc") {
				t.Errorf("Rotate to the revoked key %q = %v, want ErrConflict that names the rotation %s and no key", key, err, id)
			}
			if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey(key), vaultkit.WithDryRun()); !errors.Is(err, vaultkit.ErrConflict) {
				t.Errorf("dry run of Rotate to the revoked key %q = %v, want ErrConflict", key, err)
			}
		}
		if _, err := client.Rollback(t.Context(), p, id); !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("Rollback = %v, want ErrInvalid", err)
		}
	})
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-live-abc"), vaultkit.AllowRevoked()); err != nil {
		t.Errorf("Rotate to a revoked key with AllowRevoked = %v, want success", err)
	}
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(object{"n": "2"})); err != nil {
		t.Errorf("Rotate of another field = %v, want success", err)
	}
}

// RevokeOld refuses a key that another provider uses.
func TestRevokeOld_RefusesAKeyOfAnotherProvider(t *testing.T) {
	base := vaultkit.WithBasePath("revoke-others")
	client := clienttest.New(t, base)
	if _, err := client.PutProviderKeys(t.Context(), "one", vaultkit.ProviderKeys{"api_key": "fake-shared"}); err != nil {
		t.Fatal(err)
	}
	r := clienttest.Rotate(t, client, "one", "fake-new")
	api := &clienttest.Revoker{}
	want := `the old key of the field "api_key" and the field "api_key" of the provider other are the same, or one contains the other: ` +
		`revoking may break other; rotate other first, or add IgnoreOtherProviders`
	for _, key := range []string{"fake-share", "fake-shared", "a fake-shared key"} {
		vaulttest.Write(t, vaulttest.Root(t), "secret/data/revoke-others/providers/other", object{"data": object{"api_key": key}})
		_, err := client.RevokeOld(t.Context(), "one", r.ID, api)
		if !errors.Is(err, vaultkit.ErrConflict) || !strings.Contains(err.Error(), want) || len(api.Revoked) > 0 {
			t.Errorf("with another provider's key %q, RevokeOld = %v, asked %d times, want ErrConflict that says %q", key, err, len(api.Revoked), want)
		}
	}
	policy, err := policy.ForRole(policy.Revoker, policy.AtBasePath("revoke-others"), policy.OnlyProviders("one"))
	if err != nil {
		t.Fatal(err)
	}
	narrow := clienttest.New(t, base, vaultkit.WithToken(vaultkit.FromString(vaulttest.Token(t, policy))))
	revocation, err := narrow.RevokeOld(t.Context(), "one", r.ID, api)
	if err != nil || !slices.Equal(revocation.NotRead, []string{"other"}) {
		t.Errorf("RevokeOld = %+v, %v, want that it says that it did not read the other provider", revocation, err)
	}
}

// Rollback refuses keys that a record of an older version of vaultkit names.
func TestRollbackHonoursAnOldRecordOfARevocation(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	vaulttest.Put(t, "rotations/"+p+"/"+ids[0]+".revoking", object{"schema": 1, "id": ids[0], "provider": p, "fields": []string{"api_key"},
		"already_gone": false, "fingerprints": []string{protocol.KeyFingerprint(ids[0], "fake-old")}})
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ids[0]); !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("Rollback = %v, want ErrInvalid", err)
		}
	})
}

// After a refusal no entry stands: the provider can be rotated to the key again.
func TestRevokeOld_WithdrawsAfterARefusal(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	client := clienttest.NewWithFaults(t, faultproxy.OnMatch("PUT", "/revocations/", faultproxy.After(func() {
		if _, err := clienttest.New(t).Rollback(t.Context(), p, ids[0], vaultkit.AllowRevoked()); err != nil {
			t.Error(err)
		}
	})))
	if _, err := client.RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrConflict) {
		t.Fatalf("RevokeOld = %v, want ErrConflict", err)
	}
	clienttest.Rotate(t, clienttest.New(t), p, "fake-between")
	clienttest.Rotate(t, clienttest.New(t), p, "fake-old")
}

// History does not show a revocation that was refused and withdrawn.
func TestHistoryShowsNoWithdrawnRevocation(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	if _, err := clienttest.New(t).RevokeOld(t.Context(), p, ids[0], revokeFunc(func(context.Context) error { return vaultkit.ErrNotAsked }), vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrNotAsked) {
		t.Fatal(err)
	}
	history, err := clienttest.New(t).History(t.Context(), p)
	if err != nil || history[0].Revocation != nil {
		t.Errorf("History = %+v, %v, want no revocation", history, err)
	}
}

// A short revoked key counts only in its own field, because it occurs elsewhere by chance.
func TestRotate_RefusesAShortRevokedKeyInItsFieldOnly(t *testing.T) {
	client := clienttest.New(t)
	p, id := change(t, object{"pin": "1234", "seat": "7"}, object{"pin": "9999"})
	if _, err := client.RevokeOld(t.Context(), p, id, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(object{"pin": "1234"})); !errors.Is(err, vaultkit.ErrConflict) {
		t.Errorf("Rotate of pin to the revoked 1234 = %v, want ErrConflict", err)
	}
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(object{"seat": "1234"})); err != nil {
		t.Errorf("Rotate of seat to 1234 = %v, want success", err)
	}
}

// With AllowRevoked no attempts are listed, and no capability for that is needed.
func TestAllowRevoked_NeedsNoCapabilityToList(t *testing.T) {
	policy := clienttest.WithoutRight(vaulttest.Policy(t, "../../", "rotator"), clienttest.Right{Path: "secret/metadata/goblin-assistant/revocations/+/+/", Capability: "list"})
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	if _, err := clienttest.NewWithPolicy(t, policy).Rotate(t.Context(), p, vaultkit.NewKey("fake-new"), vaultkit.AllowRevoked()); err != nil {
		t.Errorf("Rotate with AllowRevoked and without the right = %v, want success", err)
	}
}

// History counts only entries that a writer would find: a withdrawal in another directory
// withdraws nothing.
func TestHistory_IgnoresEntriesInOtherDirectories(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	name := protocol.AttemptName(p, "api_key", "fake-old", protocol.NewAttemptID())
	vaulttest.Put(t, "revocations/"+p+"/"+protocol.AttemptDirectory(name)+"/"+name,
		object{"schema": 1, "kind": "revoke-old", "rotation": ids[0], "provider": p, "field": "api_key"})
	vaulttest.Put(t, "revocations/"+p+"/zz/"+name+protocol.WithdrawnSuffix, object{"schema": 1})
	history, err := clienttest.New(t).History(t.Context(), p)
	if err != nil || len(history) != 1 || history[0].Revocation == nil {
		t.Errorf("History = %+v, %v, want the revocation as begun", history, err)
	}
}

// An error names no directory of a key: a short key can be guessed from it.
func TestRotate_ErrorNamesNoDirectoryOfAKey(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", "/metadata/"+vaulttest.Base+"/revocations/", denial))
	_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
	failed, ok := errors.AsType[*vaultkit.Error](err)
	if want := "secret/metadata/goblin-assistant/revocations/" + p + "/+/"; !ok || failed.Path != want {
		t.Errorf("Rotate = %v, want an error at %s", err, want)
	}
}

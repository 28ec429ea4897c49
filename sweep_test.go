package vaultkit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
	"goblin/vaultkit/internal/wire"
)

// historyLists are the requests of do that list the provider's backups or records.
func historyLists(t *testing.T, p string, do func(client *vaultkit.Client) error) []string {
	t.Helper()
	proxy := newWire(t)
	if err := do(newClient(t, vaultkit.WithAddress(proxy.URL()))); err != nil {
		t.Fatal(err)
	}
	var lists []string
	for _, request := range proxy.Log() {
		_, entry, is := strings.Cut(request.Path, "/metadata/"+vaulttest.Base+"/")
		if is && request.Method == "GET" && (entry == "backups/"+p || entry == "rotations/"+p) {
			lists = append(lists, request.Path)
		}
	}
	return lists
}

// A rotation lists the provider's history only if the version that it replaces was not made
// by a rotation that has its record.
func TestRotateListsTheHistoryOnlyAfterAGap(t *testing.T) {
	unrecorded := func(t *testing.T, p string) {
		client := throughWire(t, wire.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", denial))
		if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-unrecorded")); !errors.Is(err, vaultkit.ErrUndetermined) {
			t.Fatalf("Rotate without a record = %v, want ErrUndetermined", err)
		}
	}
	for name, tc := range map[string]struct {
		before func(t *testing.T, p string)
		lists  bool
	}{
		"a recorded rotation": {func(t *testing.T, p string) { rotate(t, newClient(t), p, "fake-1") }, false},
		"a rollback": {func(t *testing.T, p string) {
			rotate(t, newClient(t), p, "fake-1")
			if _, err := newClient(t).Rollback(t.Context(), p, ""); err != nil {
				t.Fatal(err)
			}
		}, false},
		"nothing": {func(*testing.T, string) {}, true},
		"a foreign write": {func(t *testing.T, p string) {
			rotate(t, newClient(t), p, "fake-1")
			vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-foreign"})
		}, true},
		"a rotation without a record": {unrecorded, true},
		"a pruned version": {func(t *testing.T, p string) {
			rotate(t, newClient(t), p, "fake-1")
			keepVersions(t, p, 1)
			rotate(t, newClient(t), p, "fake-2")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := store(t, oldSecret)
			tc.before(t, p)
			lists := historyLists(t, p, func(client *vaultkit.Client) error {
				return second(client.Rotate(t.Context(), p, vaultkit.NewKey("fake-last")))
			})
			if tc.lists != (len(lists) == 2) || !tc.lists && len(lists) > 0 {
				t.Errorf("Rotate after %s listed %q, want lists: %v", name, lists, tc.lists)
			}
			if left, err := newClient(t).Recover(t.Context(), p); err != nil || len(left) > 0 {
				t.Errorf("Recover = %+v, %v, want that every rotation had its record", left, err)
			}
		})
	}
}

// A writer lists the attempts to revoke the keys that it changes, and no others.
func TestRotateListsTheAttemptsOnItsKeysAlone(t *testing.T) {
	p, proxy := store(t, oldSecret), newWire(t)
	client := newClient(t, vaultkit.WithAddress(proxy.URL()))
	rotate(t, client, p, "fake-new")
	directory := protocol.AttemptDirectories(p, object{"api_key": "fake-new"})[0]
	var looks []string
	for _, request := range proxy.Log() {
		if _, under, is := strings.Cut(request.Path, "/revocations/"+p); is {
			looks = append(looks, strings.Trim(under, "/"))
		}
	}
	if !slices.Equal(looks, []string{directory, directory}) {
		t.Errorf("Rotate listed the attempts in %q, want %q twice", looks, directory)
	}
}

// The key of a source that issues is known late: it is looked for before anything is written
// all the same.
func TestAnIssuedKeyThatIsRevokedLeavesNoTrace(t *testing.T) {
	p := store(t, oldSecret)
	vaulttest.Put(t, attemptFor(p, "fake-issued"), object{"schema": 1, "kind": "revoke-old", "provider": p, "field": "api_key"})
	unchanged(t, p, func() {
		_, err := newClient(t).Rotate(t.Context(), p, &issuer{fields: object{"api_key": "fake-issued"}})
		if !errors.Is(err, vaultkit.ErrConflict) {
			t.Errorf("Rotate to an issued key that is being revoked = %v, want ErrConflict", err)
		}
	})
}

package rotation_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/protocol"
	"goblin/vaultkit/internal/vaulttest"
)

// historyLists returns the requests of do that list the provider's backups or records.
func historyLists(t *testing.T, p string, do func(client *vaultkit.Client) error) []string {
	t.Helper()
	proxy := clienttest.NewProxy(t)
	if err := do(clienttest.New(t, vaultkit.WithAddress(proxy.URL()))); err != nil {
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

// A rotation lists the provider's history only if the version that it replaces has no recorded
// rotation.
func TestRotate_ListsTheHistoryOnlyAfterAnUnrecordedVersion(t *testing.T) {
	unrecorded := func(t *testing.T, p string) {
		client := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", denial))
		if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-unrecorded")); !errors.Is(err, vaultkit.ErrUndetermined) {
			t.Fatalf("Rotate without a record = %v, want ErrUndetermined", err)
		}
	}
	for name, tc := range map[string]struct {
		before func(t *testing.T, p string)
		lists  bool
	}{
		"a recorded rotation": {func(t *testing.T, p string) { clienttest.Rotate(t, clienttest.New(t), p, "fake-1") }, false},
		"a rollback": {func(t *testing.T, p string) {
			clienttest.Rotate(t, clienttest.New(t), p, "fake-1")
			if _, err := clienttest.New(t).Rollback(t.Context(), p, ""); err != nil {
				t.Fatal(err)
			}
		}, false},
		"nothing": {func(*testing.T, string) {}, true},
		"a foreign write": {func(t *testing.T, p string) {
			clienttest.Rotate(t, clienttest.New(t), p, "fake-1")
			vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-foreign"})
		}, true},
		"a rotation without a record": {unrecorded, true},
		"a pruned version": {func(t *testing.T, p string) {
			clienttest.Rotate(t, clienttest.New(t), p, "fake-1")
			keepVersions(t, p, 1)
			clienttest.Rotate(t, clienttest.New(t), p, "fake-2")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			tc.before(t, p)
			lists := historyLists(t, p, func(client *vaultkit.Client) error {
				return clienttest.ErrorOf(client.Rotate(t.Context(), p, vaultkit.NewKey("fake-last")))
			})
			if tc.lists != (len(lists) == 2) || !tc.lists && len(lists) > 0 {
				t.Errorf("Rotate after %s listed %q, want lists: %v", name, lists, tc.lists)
			}
			if left, err := clienttest.New(t).Recover(t.Context(), p); err != nil || len(left) > 0 {
				t.Errorf("Recover = %+v, %v, want that every rotation had its record", left, err)
			}
		})
	}
}

// A rotation lists only the attempts to revoke the keys that it changes.
func TestRotate_ListsOnlyAttemptsOnItsKeys(t *testing.T) {
	p, proxy := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewProxy(t)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
	clienttest.Rotate(t, client, p, "fake-new")
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

// The key of an issuing source is known late. It is still checked before anything is written.
func TestRotate_ToARevokedIssuedKeyWritesNothing(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	vaulttest.Put(t, attemptFor(p, "fake-issued"), object{"schema": 1, "kind": "revoke-old", "provider": p, "field": "api_key"})
	vaulttest.AssertUnchanged(t, p, func() {
		_, err := clienttest.New(t).Rotate(t.Context(), p, &clienttest.FieldSource{Fields: object{"api_key": "fake-issued"}})
		if !errors.Is(err, vaultkit.ErrConflict) {
			t.Errorf("Rotate to an issued key that is being revoked = %v, want ErrConflict", err)
		}
	})
}

// A client remembers that it recorded the current version and reads nothing to find that out.
// Another client reads the version before and its record.
func TestRotate_RemembersItsOwnRecord(t *testing.T) {
	p, proxy := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewProxy(t)
	client := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
	reads := func(client *vaultkit.Client, key string) (n int) {
		before := len(proxy.Log())
		clienttest.Rotate(t, client, p, key)
		for _, request := range proxy.Log()[before:] {
			if request.Method == "GET" && strings.Contains(request.Path, "/data/") {
				n++
			}
		}
		return n
	}
	clienttest.Rotate(t, client, p, "fake-1")
	if n := reads(client, "fake-2"); n != 1 {
		t.Errorf("Rotate by the client that rotated before = %d reads, want 1", n)
	}
	if n := reads(clienttest.New(t, vaultkit.WithAddress(proxy.URL())), "fake-3"); n != 3 {
		t.Errorf("Rotate by another client = %d reads, want 3", n)
	}
	vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-foreign"})
	if n := reads(client, "fake-4"); n != 3 {
		t.Errorf("Rotate after a foreign write = %d reads, want 3", n)
	}
}

// A resumed rotation created the current version itself. Its own record does not show
// whether the rotations before it have records.
func TestResumedRotation_RecordsTheOneBefore(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	for _, key := range []string{"fake-1", "fake-2"} {
		client := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", denial))
		if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey(key)); !errors.Is(err, vaultkit.ErrUndetermined) {
			t.Fatalf("Rotate without a record = %v, want ErrUndetermined", err)
		}
	}
	// The record is there when the read of it is answered.
	recorded := make(chan struct{})
	var once sync.Once
	client := clienttest.NewWithFaults(t, faultproxy.When(func(r faultproxy.Request) bool {
		return strings.Contains(r.Path, "/data/"+vaulttest.Base+"/rotations/")
	}, faultproxy.After(func() { once.Do(func() { close(recorded) }) })))
	clienttest.Rotate(t, client, p, "fake-2")
	<-recorded
	if left, err := clienttest.New(t).Recover(t.Context(), p); err != nil || len(left) > 0 {
		t.Errorf("Recover = %+v, %v, want that the resumed rotation recorded the one before", left, err)
	}
}

// A check for unfinished rotations that failed is repeated by the client's next rotation.
func TestRotate_RepeatsAFailedCheckForUnfinishedRotations(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	client := clienttest.NewWithFaults(t, faultproxy.OnMatch("GET", "/metadata/"+vaulttest.Base+"/backups/", denial))
	r := clienttest.Rotate(t, client, p, "fake-1")
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "recover") {
		t.Errorf("Rotate warns %q, want a warning that names recover", r.Warnings)
	}
	vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-foreign"})
	if r := clienttest.Rotate(t, client, p, "fake-2"); len(r.Warnings) > 0 {
		t.Errorf("the next Rotate warns %q, want no warning", r.Warnings)
	}
}

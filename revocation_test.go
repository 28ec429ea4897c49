package vaultkit_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// revoker stands for a provider's API: it remembers what it was asked to revoke.
type revoker struct {
	revoked []map[string]string
	target  vaultkit.Target
	fails   error
}

func (i *revoker) Revoke(_ context.Context, target vaultkit.Target, keys vaultkit.ProviderKeys) error {
	i.revoked = append(i.revoked, keys.Reveal())
	i.target = target
	return i.fails
}

// alone: the other providers of the tests' Vault hold the same fake keys.
var alone = vaultkit.IgnoreOtherProviders()

func TestRevokeOld(t *testing.T) {
	client := as(t, vaulttest.Policy(t, "", "revoker"))
	p := store(t, map[string]any{"api_key": "fake-old", "keep": "kept", "seat": 7})
	r, err := newClient(t).Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"api_key": "fake-new", "seat": 8, "added": "fake-added"}), vaultkit.AddFields())
	if err != nil {
		t.Fatal(err)
	}
	api := &revoker{}
	before := vaulttest.Look(t, "providers/"+p)
	revocation, err := client.RevokeOld(t.Context(), p, r.ID, api, vaultkit.RevokedBy("a test"), vaultkit.RevokedBecause("it works"), alone)
	if err != nil {
		t.Fatal(err)
	}
	// Only what was replaced, at its old value; what was kept is still in force.
	if want := []map[string]string{{"api_key": "fake-old", "seat": "7"}}; !reflect.DeepEqual(api.revoked, want) {
		t.Errorf("asked to revoke %v, want %v", api.revoked, want)
	}
	if api.target.Provider != p || revocation.ID != r.ID || revocation.Provider != p || revocation.AlreadyGone || revocation.Actor != "a test" || revocation.Reason != "it works" ||
		!reflect.DeepEqual(revocation.Fields, []string{"api_key", "seat"}) || time.Since(revocation.RevokedAt).Abs() > time.Hour {
		t.Errorf("revocation %+v", revocation)
	}
	if !reflect.DeepEqual(before, vaulttest.Look(t, "providers/"+p)) {
		t.Error("the provider changed")
	}
	unchanged(t, p, func() {
		again, err := client.RevokeOld(t.Context(), p, r.ID, api, alone)
		if err != nil || !sameJSON(t, again, revocation) || len(api.revoked) != 1 {
			t.Errorf("again: %+v, %v; asked %d times", again, err, len(api.revoked))
		}
	})
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || !sameJSON(t, history[0].Revocation, revocation) {
		t.Errorf("History = %+v, %v", history, err)
	}
}

func TestRevokeOldOfKeysAlreadyGone(t *testing.T) {
	p, ids := rotatedTimes(t, 1)
	api := &revoker{fails: vaultkit.ErrAlreadyRevoked}
	revocation, err := newClient(t).RevokeOld(t.Context(), p, ids[0], api, alone)
	if err != nil || !revocation.AlreadyGone {
		t.Errorf("RevokeOld = %+v, %v", revocation, err)
	}
}

// An old value in force again, in whatever field, must not be revoked; nor what
// was not replaced for good.
func TestRevokeOldRefuses(t *testing.T) {
	client := newClient(t)
	for name, tc := range map[string]struct {
		arrange func(t *testing.T, p string) (id string)
		want    error
	}{
		"rolled back": {func(t *testing.T, p string) string {
			id := rotate(t, client, p, "fake-new").ID
			if _, err := client.Rollback(t.Context(), p, id); err != nil {
				t.Fatal(err)
			}
			return id
		}, vaultkit.ErrConflict},
		"moved to another field": {func(t *testing.T, p string) string {
			r, err := client.Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"api_key": "fake-new", "api_key_before": "fake-old"}), vaultkit.AddFields())
			if err != nil {
				t.Fatal(err)
			}
			return r.ID
		}, vaultkit.ErrConflict},
		"undecided": {func(t *testing.T, p string) string { return crashBeforeCommit(t, p, "fake-new") }, vaultkit.ErrConflict},
		"aborted": {func(t *testing.T, p string) string {
			id := crashBeforeCommit(t, p, "fake-new")
			if _, err := client.Abort(t.Context(), p, id); err != nil {
				t.Fatal(err)
			}
			return id
		}, vaultkit.ErrConflict},
		"recreated": {func(t *testing.T, p string) string {
			rotate(t, client, p, "fake-new")
			id := rotate(t, client, p, "fake-newer").ID
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
				t.Fatal(err)
			}
			vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-again"})
			return id
		}, vaultkit.ErrConflict},
		"current version deleted": {func(t *testing.T, p string) string {
			id := rotate(t, client, p, "fake-new").ID
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
				t.Fatal(err)
			}
			return id
		}, vaultkit.ErrDeleted},
		"backup pruned": {func(t *testing.T, p string) string {
			id := rotate(t, client, p, "fake-new").ID
			rotate(t, client, p, "fake-newer")
			if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
				t.Fatal(err)
			}
			return id
		}, vaultkit.ErrNotFound},
		"only added": {func(t *testing.T, p string) string {
			r, err := client.Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"added": "fake-added"}), vaultkit.AddFields())
			if err != nil {
				t.Fatal(err)
			}
			return r.ID
		}, vaultkit.ErrNoChange},
		"no such rotation": {func(t *testing.T, _ string) string {
			return rotate(t, client, store(t, oldSecret), "fake-x").ID
		}, vaultkit.ErrNotFound},
		"no id": {func(*testing.T, string) string { return "latest" }, vaultkit.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p, api := store(t, oldSecret), &revoker{}
			id := tc.arrange(t, p)
			unchanged(t, p, func() {
				revocation, err := client.RevokeOld(t.Context(), p, id, api, alone)
				if !errors.Is(err, tc.want) || revocation != nil || len(api.revoked) > 0 {
					t.Errorf("RevokeOld = %+v, %v; asked to revoke %d keys", revocation, err, len(api.revoked))
				}
			})
		})
	}
}

func TestRevokeOldOfBadInput(t *testing.T) {
	client := newClient(t)
	p, ids := rotatedTimes(t, 1)
	for name, call := range map[string]func() (*vaultkit.Revocation, error){
		"no revoker": func() (*vaultkit.Revocation, error) { return client.RevokeOld(t.Context(), p, ids[0], nil, alone) },
		"provider": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), "a/b", ids[0], &revoker{}, alone)
		},
		"reason": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), p, ids[0], &revoker{}, vaultkit.RevokedBecause("a\nb"), alone)
		},
		"actor": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), p, ids[0], &revoker{}, vaultkit.RevokedBy(strings.Repeat("x", 513)), alone)
		},
	} {
		if revocation, err := call(); !errors.Is(err, vaultkit.ErrInvalid) || revocation != nil {
			t.Errorf("%s: %+v, %v", name, revocation, err)
		}
	}
}

// The revoker's failure is the caller's to see. What it did nobody knows, so a
// rollback asks; running it again settles it.
func TestRevokeOldWhenTheIssuerFails(t *testing.T) {
	client, down := newClient(t), errors.New("the issuer is down")
	p, ids := rotatedTimes(t, 1)
	if revocation, err := client.RevokeOld(t.Context(), p, ids[0], &revoker{fails: down}, alone); !errors.Is(err, down) || revocation != nil {
		t.Errorf("RevokeOld = %+v, %v", revocation, err)
	}
	history, err := client.History(t.Context(), p)
	if err != nil || history[0].Revocation == nil || !history[0].Revocation.RevokedAt.IsZero() || history[0].Revocation.BegunAt.IsZero() {
		t.Errorf("History = %+v, %v", history, err)
	}
	unchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrConflict) {
			t.Errorf("Rollback = %v", err)
		}
	})
	if revocation, err := client.RevokeOld(t.Context(), p, ids[0], &revoker{}, alone); err != nil || revocation.RevokedAt.IsZero() {
		t.Errorf("again: %+v, %v", revocation, err)
	}
}

// A committed rotation whose record a crash left out is settled first.
func TestRevokeOldSettlesTheRotationFirst(t *testing.T) {
	w, api := newWorld(t), &revoker{}
	w.killBeforeRecord()
	id := left(t, w.provider)[0]
	if _, err := w.other.RevokeOld(t.Context(), w.provider, id, api, alone); err != nil || len(api.revoked) != 1 {
		t.Fatalf("RevokeOld = %v, asked %d times", err, len(api.revoked))
	}
	w.revokedToo(id)
}

// revokedToo: recorded as committed, and revoked.
func (w *world) revokedToo(id string) {
	w.Helper()
	history, err := w.other.History(w.Context(), w.provider)
	if err != nil || len(history) != 1 || history[0].ID != id || history[0].Outcome != vaultkit.Committed || history[0].Revocation == nil {
		w.Errorf("History = %+v, %v", history, err)
	}
}

func TestRevocationRecordRidesOutFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		rule  faultproxy.Rule
		fails bool
	}{
		"lost answer": {rule: faultproxy.OnMatch("PUT", ".revoked", faultproxy.Lose())},
		"refused":     {rule: faultproxy.OnMatch("PUT", ".revoked", faultproxy.Refuse())},
		"for good":    {rule: faultproxy.OnEvery("PUT", ".revoked", faultproxy.Refuse()), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, ids := rotatedTimes(t, 1)
			api := &revoker{}
			client := throughProxy(t, tc.rule, clienttest.WithRecordWait(100*time.Millisecond))
			revocation, err := client.RevokeOld(t.Context(), p, ids[0], api, alone)
			if revocation == nil || errors.Is(err, vaultkit.ErrUndetermined) != tc.fails || (err != nil) != tc.fails {
				t.Fatalf("RevokeOld = %+v, %v", revocation, err)
			}
			again, err := newClient(t).RevokeOld(t.Context(), p, ids[0], api, alone)
			if err != nil || again == nil || len(api.revoked) != map[bool]int{false: 1, true: 2}[tc.fails] {
				t.Errorf("again: %+v, %v; asked %d times", again, err, len(api.revoked))
			}
		})
	}
}

// A revoked key comes back only on demand, from whichever backup holds it.
func TestRollbackRefusesARevokedKey(t *testing.T) {
	client := newClient(t)
	p := store(t, oldSecret)
	first := rotate(t, client, p, "fake-1").ID
	if _, err := client.Rollback(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	second := rotate(t, client, p, "fake-2").ID // backs fake-old up once more
	if _, err := client.RevokeOld(t.Context(), p, second, &revoker{}, alone); err != nil {
		t.Fatal(err)
	}
	unchanged(t, p, func() {
		for _, id := range []string{first, second} {
			_, err := client.Rollback(t.Context(), p, id)
			if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), second) {
				t.Errorf("Rollback to %s: %v", id, err)
			}
		}
	})
	if _, err := client.Rollback(t.Context(), p, second, vaultkit.AllowRevoked()); err != nil || currentKey(t, client, p) != "fake-old" {
		t.Errorf("Rollback with AllowRevoked: %v", err)
	}
}

// A revocation somebody deleted or garbled still says that the key is gone.
func TestSpoiledRevocationStillCounts(t *testing.T) {
	client := newClient(t)
	p, ids := rotatedTimes(t, 1)
	vaulttest.Put(t, "rotations/"+p+"/"+ids[0]+".revoked", map[string]any{"garbled": true})
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || history[0].Revocation == nil || !history[0].Revocation.RevokedAt.IsZero() {
		t.Errorf("History = %+v, %v", history, err)
	}
	if _, err := client.Rollback(t.Context(), p, ids[0]); !errors.Is(err, vaultkit.ErrInvalid) {
		t.Errorf("Rollback = %v", err)
	}
	if found, err := client.Recover(t.Context(), p); err != nil || len(found) != 0 {
		t.Errorf("Recover = %+v, %v", found, err)
	}
}

package rotation_test

import (
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

func TestRevokeOld(t *testing.T) {
	client := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "revoker"))
	p := vaulttest.PutProvider(t, map[string]any{"api_key": "fake-old", "keep": "kept", "seat": 7})
	r, err := clienttest.New(t).Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"api_key": "fake-new", "seat": 8, "added": "fake-added"}), vaultkit.AddFields())
	if err != nil {
		t.Fatal(err)
	}
	api := &clienttest.Revoker{}
	before := vaulttest.Look(t, "providers/"+p)
	revocation, err := client.RevokeOld(t.Context(), p, r.ID, api, vaultkit.WithActor("a test"), vaultkit.WithReason("it works"), vaultkit.IgnoreOtherProviders())
	if err != nil {
		t.Fatal(err)
	}
	// Only replaced fields are revoked, with their old values. Kept fields are still in force.
	if want := []map[string]string{{"api_key": "fake-old", "seat": "7"}}; !reflect.DeepEqual(api.Revoked, want) {
		t.Errorf("RevokeOld revoked %v, want %v", api.Revoked, want)
	}
	if api.Target.Provider != p || revocation.ID != r.ID || revocation.Provider != p || revocation.AlreadyGone || revocation.Actor != "a test" || revocation.Reason != "it works" ||
		!reflect.DeepEqual(revocation.Fields, []string{"api_key", "seat"}) || time.Since(revocation.RevokedAt).Abs() > time.Hour {
		t.Errorf("RevokeOld = %+v, want the fields api_key and seat, revoked now", revocation)
	}
	if !reflect.DeepEqual(before, vaulttest.Look(t, "providers/"+p)) {
		t.Error("RevokeOld changed the provider, want no change")
	}
	vaulttest.AssertUnchanged(t, p, func() {
		again, err := client.RevokeOld(t.Context(), p, r.ID, api, vaultkit.IgnoreOtherProviders())
		if err != nil || !vaulttest.SameJSON(t, again, revocation) || len(api.Revoked) != 1 {
			t.Errorf("RevokeOld again = %+v, %v after %d calls of the revoker, want the same and 1", again, err, len(api.Revoked))
		}
	})
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || !vaulttest.SameJSON(t, history[0].Revocation, revocation) {
		t.Errorf("History = %+v, %v, want the revocation in its record", history, err)
	}
}

func TestRevokeOldOfKeysAlreadyGone(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	api := &clienttest.Revoker{Err: vaultkit.ErrAlreadyRevoked}
	revocation, err := clienttest.New(t).RevokeOld(t.Context(), p, ids[0], api, vaultkit.IgnoreOtherProviders())
	if err != nil || !revocation.AlreadyGone {
		t.Errorf("RevokeOld = %+v, %v, want AlreadyGone", revocation, err)
	}
}

// An old value that is in force again, in any field, must not be revoked, nor a value that was
// not replaced for good.
func TestRevokeOldRefuses(t *testing.T) {
	client := clienttest.New(t)
	for name, tc := range map[string]struct {
		arrange func(t *testing.T, p string) (id string)
		want    error
	}{
		"rolled back": {func(t *testing.T, p string) string {
			id := clienttest.Rotate(t, client, p, "fake-new").ID
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
		"undecided": {func(t *testing.T, p string) string { return clienttest.CrashBeforeCommit(t, p, "fake-new") }, vaultkit.ErrConflict},
		"aborted": {func(t *testing.T, p string) string {
			id := clienttest.CrashBeforeCommit(t, p, "fake-new")
			if _, err := client.Abort(t.Context(), p, id); err != nil {
				t.Fatal(err)
			}
			return id
		}, vaultkit.ErrConflict},
		"recreated": {func(t *testing.T, p string) string {
			clienttest.Rotate(t, client, p, "fake-new")
			id := clienttest.Rotate(t, client, p, "fake-newer").ID
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
				t.Fatal(err)
			}
			vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-again"})
			return id
		}, vaultkit.ErrConflict},
		"current version deleted": {func(t *testing.T, p string) string {
			id := clienttest.Rotate(t, client, p, "fake-new").ID
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
				t.Fatal(err)
			}
			return id
		}, vaultkit.ErrDeleted},
		"backup pruned": {func(t *testing.T, p string) string {
			id := clienttest.Rotate(t, client, p, "fake-new").ID
			clienttest.Rotate(t, client, p, "fake-newer")
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
			return clienttest.Rotate(t, client, vaulttest.PutProvider(t, clienttest.OldSecret), "fake-x").ID
		}, vaultkit.ErrNotFound},
		"no id": {func(*testing.T, string) string { return "latest" }, vaultkit.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p, api := vaulttest.PutProvider(t, clienttest.OldSecret), &clienttest.Revoker{}
			id := tc.arrange(t, p)
			vaulttest.AssertUnchanged(t, p, func() {
				revocation, err := client.RevokeOld(t.Context(), p, id, api, vaultkit.IgnoreOtherProviders())
				if !errors.Is(err, tc.want) || revocation != nil || len(api.Revoked) > 0 {
					t.Errorf("RevokeOld = %+v, %v, and the revoker got %d keys, want a refusal and 0", revocation, err, len(api.Revoked))
				}
			})
		})
	}
}

func TestRevokeOldOfBadInput(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	for name, call := range map[string]func() (*vaultkit.Revocation, error){
		"no revoker": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), p, ids[0], nil, vaultkit.IgnoreOtherProviders())
		},
		"provider": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), "a/b", ids[0], &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders())
		},
		"reason": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{}, vaultkit.WithReason("a\nb"), vaultkit.IgnoreOtherProviders())
		},
		"actor": func() (*vaultkit.Revocation, error) {
			return client.RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{}, vaultkit.WithActor(strings.Repeat("x", 513)), vaultkit.IgnoreOtherProviders())
		},
	} {
		if revocation, err := call(); !errors.Is(err, vaultkit.ErrInvalid) || revocation != nil {
			t.Errorf("%s = %+v, %v, want ErrInvalid", name, revocation, err)
		}
	}
}

// The caller gets the revoker's error. Whether the key was revoked is not known, so a rollback
// is refused, and a second run finishes the revocation.
func TestRevokeOld_ReturnsTheRevokersError(t *testing.T) {
	client, down := clienttest.New(t), errors.New("the issuer is down")
	p, ids := clienttest.PutRotatedProvider(t, 1)
	if revocation, err := client.RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{Err: down}, vaultkit.IgnoreOtherProviders()); !errors.Is(err, down) || revocation != nil {
		t.Errorf("RevokeOld = %+v, %v, want the revoker's error", revocation, err)
	}
	history, err := client.History(t.Context(), p)
	if err != nil || history[0].Revocation == nil || !history[0].Revocation.RevokedAt.IsZero() || history[0].Revocation.BegunAt.IsZero() {
		t.Errorf("History = %+v, %v, want an unfinished revocation", history, err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrConflict) {
			t.Errorf("Rollback = %v, want ErrConflict", err)
		}
	})
	if revocation, err := client.RevokeOld(t.Context(), p, ids[0], &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil || revocation.RevokedAt.IsZero() {
		t.Errorf("RevokeOld again = %+v, %v, want success", revocation, err)
	}
}

// If a crash left no record of the committed rotation, RevokeOld writes it first.
func TestRevokeOld_RecordsTheRotationFirst(t *testing.T) {
	w, api := newScenario(t), &clienttest.Revoker{}
	w.killBeforeRecord()
	id := backupIDs(t, w.Provider)[0]
	if _, err := w.Direct.RevokeOld(t.Context(), w.Provider, id, api, vaultkit.IgnoreOtherProviders()); err != nil || len(api.Revoked) != 1 {
		t.Fatalf("RevokeOld = %v after %d calls of the revoker, want success and 1", err, len(api.Revoked))
	}
	w.assertRevoked(id)
}

// assertRevoked checks that the rotation is recorded as committed and as revoked.
func (w *scenario) assertRevoked(id string) {
	w.Helper()
	history, err := w.Direct.History(w.Context(), w.Provider)
	if err != nil || len(history) != 1 || history[0].ID != id || history[0].Outcome != vaultkit.OutcomeCommitted || history[0].Revocation == nil {
		w.Errorf("History = %+v, %v, want one committed record with a revocation", history, err)
	}
}

func TestRevokeOld_RecordsAfterFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		rule  faultproxy.Rule
		fails bool
	}{
		"lost answer": {rule: faultproxy.OnMatch("PUT", ".revoked", faultproxy.Lose())},
		"refused":     {rule: faultproxy.OnMatch("PUT", ".revoked", faultproxy.Refuse())},
		"for good":    {rule: faultproxy.OnEvery("PUT", ".revoked", faultproxy.Refuse()), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, ids := clienttest.PutRotatedProvider(t, 1)
			api := &clienttest.Revoker{}
			client := clienttest.NewWithFaults(t, tc.rule, clienttest.WithRecordWait(100*time.Millisecond))
			revocation, err := client.RevokeOld(t.Context(), p, ids[0], api, vaultkit.IgnoreOtherProviders())
			if revocation == nil || errors.Is(err, vaultkit.ErrUndetermined) != tc.fails || (err != nil) != tc.fails {
				t.Fatalf("RevokeOld = %+v, %v, want a revocation, and ErrUndetermined if the record cannot be written", revocation, err)
			}
			again, err := clienttest.New(t).RevokeOld(t.Context(), p, ids[0], api, vaultkit.IgnoreOtherProviders())
			if err != nil || again == nil || len(api.Revoked) != map[bool]int{false: 1, true: 2}[tc.fails] {
				t.Errorf("RevokeOld again = %+v, %v after %d calls of the revoker, want success", again, err, len(api.Revoked))
			}
		})
	}
}

// A rollback to a revoked key must be allowed explicitly, whichever backup holds the key.
func TestRollbackRefusesARevokedKey(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	first := clienttest.Rotate(t, client, p, "fake-1").ID
	if _, err := client.Rollback(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	second := clienttest.Rotate(t, client, p, "fake-2").ID // backs fake-old up once more
	revocation, err := client.RevokeOld(t.Context(), p, second, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders())
	if err != nil {
		t.Fatal(err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		for backup, id := range map[string]string{"v1": first, "v3": second} {
			_, err := client.Rollback(t.Context(), p, id)
			want := "the backup " + backup + " holds a key that was revoked at " + revocation.RevokedAt.UTC().Format(time.RFC3339) + " (rotation v3)"
			if !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "-v") > 1 {
				t.Errorf("Rollback to %s = %v, want ErrInvalid that says %q, and one id at most", id, err, want)
			}
		}
	})
	if _, err := client.Rollback(t.Context(), p, second, vaultkit.AllowRevoked()); err != nil || clienttest.APIKey(t, client, p) != "fake-old" {
		t.Errorf("Rollback with AllowRevoked = %v, want success and fake-old in force", err)
	}
}

// A revocation whose record was deleted or overwritten still means that the key is revoked.
func TestRollback_RefusesKeysOfAnUnreadableRevocation(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	vaulttest.Put(t, "rotations/"+p+"/"+ids[0]+".revoked", map[string]any{"garbled": true})
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || history[0].Revocation == nil || !history[0].Revocation.RevokedAt.IsZero() {
		t.Errorf("History = %+v, %v, want an unfinished revocation", history, err)
	}
	_, err = client.Rollback(t.Context(), p, ids[0])
	if want := "the backup v1 holds a key whose revocation has started and may have failed"; !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("Rollback = %v, want ErrInvalid that says %q", err, want)
	}
	if found, err := client.Recover(t.Context(), p); err != nil || len(found) != 0 {
		t.Errorf("Recover = %+v, %v, want nothing", found, err)
	}
}

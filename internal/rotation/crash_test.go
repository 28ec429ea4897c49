package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// The client crashes at each request. Then foreign writers write, on a provider that keeps one,
// two or ten versions. With any evidence left, Recover reports nothing false.
func TestCrashThenForeignWrites(t *testing.T) {
	requests := len(stepsOf(t))
	for _, maxVersions := range []int{1, 2, 10} {
		for _, foreign := range []int{0, 1, 2, 10} {
			for n := 1; n <= requests; n++ {
				t.Run(fmt.Sprintf("max_versions %d/%d foreign writes/killed at %d", maxVersions, foreign, n), func(t *testing.T) {
					w := newScenario(t)
					w.keepVersions(maxVersions)
					w.kill(n, true)
					committed := w.version() == 2
					for i := range foreign {
						vaulttest.Put(t, "providers/"+w.Provider, map[string]any{"api_key": fmt.Sprintf("fake-foreign-%d", i)})
					}
					evidence := maxVersions > foreign // version 2 can still be read
					w.assertTold(w.recover(), committed, foreign, evidence)
				})
			}
		}
	}
}

func (w *scenario) keepVersions(n int) {
	w.Helper()
	_, err := w.root().WriteWithContext(w.Context(), w.metadataPath(), map[string]any{"max_versions": n})
	if err != nil {
		w.Fatal(err)
	}
}

// assertTold compares the report of a recovery, and the record if there is one, with what
// happened.
func (w *scenario) assertTold(found []vaultkit.Resolution, committed bool, foreign int, evidence bool) {
	w.Helper()
	history, err := w.Direct.History(w.Context(), w.Provider)
	if err != nil || len(history) > 1 {
		w.Fatalf("History = %+v, %v, want at most one record", history, err)
	}
	for _, record := range history {
		if (record.Outcome == vaultkit.OutcomeCommitted) != committed {
			w.Errorf("History: outcome %s, want committed: %t", record.Outcome, committed)
		}
	}
	for _, one := range found {
		switch {
		case !committed && foreign == 0 && one.Outcome == vaultkit.OutcomeUndecided:
		case !evidence && one.Outcome == vaultkit.OutcomeUnknown:
		case committed && one.Outcome == vaultkit.OutcomeCommitted:
		case !committed && foreign > 0 && one.Outcome == vaultkit.OutcomeAborted:
		default:
			w.Errorf("Recover = %s, want the truth: committed %v, %d foreign writes, evidence %v", one.Outcome, committed, foreign, evidence)
		}
	}
	if committed && evidence && len(history) != 1 {
		w.Error("History has no record of a committed rotation with evidence, want one")
	}
}

// If version s+1 is pruned, the backup of the rotation that replaced it still holds its
// content.
func TestRecover_FindsAPrunedVersionInALaterBackup(t *testing.T) {
	w := newScenario(t)
	w.keepVersions(1)
	w.killBeforeRecord() // committed, never recorded
	if w.version() != 2 {
		t.Fatal("the rotation is not committed, want version 2")
	}
	// The next rotation recovers the crashed one.
	clienttest.Rotate(t, w.Direct, w.Provider, "fake-third")
	history, err := w.Direct.History(t.Context(), w.Provider)
	if err != nil || len(history) != 2 {
		t.Fatalf("History = %+v, %v, want two records", history, err)
	}
	first := history[1]
	if first.Outcome != vaultkit.OutcomeCommitted || first.Evidence != "inferred" || first.NewVersion != 2 || first.CommittedAt.IsZero() {
		t.Errorf("the record of the crashed rotation is %+v, want committed, inferred", first)
	}
}

// A provider that was deleted with its metadata and created again starts at version 1. Recover
// reports the old ids as recreated and does not record them.
func TestRecreatedProvider(t *testing.T) {
	for _, versions := range []int{0, 1, 2, 5} {
		t.Run(fmt.Sprint(versions), func(t *testing.T) {
			w := newScenario(t)
			w.killBeforeCommit() // backed up, not committed
			if _, err := w.root().DeleteWithContext(t.Context(), w.metadataPath()); err != nil {
				t.Fatal(err)
			}
			for range versions {
				// the same secret that the old rotation wanted
				vaulttest.Put(t, "providers/"+w.Provider, clienttest.NewSecret)
			}
			found := w.recover()
			if len(found) != 1 || found[0].Outcome != vaultkit.OutcomeRecreated || found[0].Evidence != "" {
				t.Errorf("Recover = %+v, want recreated", found)
			}
			if history, _ := w.Direct.History(t.Context(), w.Provider); len(history) != 0 {
				t.Errorf("History = %+v, want no record", history)
			}
		})
	}
}

// A soft-deleted version s+1 is no evidence. Undeleting it decides the outcome.
func TestRecover_UsesUndeletedEvidence(t *testing.T) {
	w := newScenario(t)
	w.killBeforeRecord()
	vaulttest.Put(t, "providers/"+w.Provider, map[string]any{"api_key": "fake-foreign"})
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	path := vaulttest.Base + "/providers/" + w.Provider
	if err := kv.DeleteVersions(t.Context(), path, []int{2}); err != nil {
		t.Fatal(err)
	}
	if found := w.recover(); len(found) != 1 || found[0].Outcome != vaultkit.OutcomeUnknown {
		t.Errorf("Recover with version 2 deleted = %+v, want unknown", found)
	}
	if err := kv.Undelete(t.Context(), path, []int{2}); err != nil {
		t.Fatal(err)
	}
	if found := w.recover(); len(found) != 1 || found[0].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("Recover with version 2 undeleted = %+v, want committed", found)
	}
}

// After Vault's acknowledgement, the caller's context no longer matters.
func TestRotate_IgnoresCancellationAfterTheCommit(t *testing.T) {
	w := newScenario(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.Proxy.SetRule(faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/rotations/", faultproxy.Before(cancel)))
	r, err := w.Rotate(ctx, w.Client)
	if err != nil || r.Outcome != vaultkit.OutcomeCommitted {
		t.Fatalf("Rotate = %+v, %v, want committed", r, err)
	}
	w.assertDone()
}

// If the record of a committed rotation cannot be written, the rotation is returned together
// with the error.
func TestRotate_WithoutARecordReturnsBoth(t *testing.T) {
	w := newScenario(t)
	w.Reconnect(clienttest.WithRecordWait(100 * time.Millisecond))
	w.Proxy.SetRule(faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", faultproxy.Refuse()))
	r, err := w.Rotate(t.Context(), w.Client)
	if !errors.Is(err, vaultkit.ErrUndetermined) || r == nil || r.Outcome != vaultkit.OutcomeCommitted || r.NewVersion != 2 {
		t.Fatalf("Rotate = %+v, %v, want the committed rotation and ErrUndetermined", r, err)
	}
	if found := w.recover(); len(found) != 1 || found[0].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("Recover = %+v, want one committed rotation", found)
	}
	w.assertDone()
}

// A backup with this rotation's id and another value stops the rotation before it writes.
func TestRotate_StopsAtAForgedBackup(t *testing.T) {
	client := clienttest.New(t)
	for name, spoil := range map[string]func(p, id string){
		"another value": func(string, string) {},
		"deleted": func(p, id string) {
			if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/backups/"+p+"/"+id); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			id := clienttest.Rotate(t, client, p, "fake-new", vaultkit.WithDryRun()).ID
			vaulttest.Put(t, "backups/"+p+"/"+id, map[string]any{"api_key": "fake-forged"})
			spoil(p, id)
			vaulttest.AssertUnchanged(t, p, func() {
				r, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
				failed, _ := errors.AsType[*vaultkit.Error](err)
				if !errors.Is(err, vaultkit.ErrUndetermined) || r != nil || failed.ID != id {
					t.Errorf("Rotate = %+v, %v, want ErrUndetermined with the id", r, err)
				}
			})
		})
	}
}

// A foreign writer may store a larger secret than vaultkit accepts. It is backed up, and is
// evidence like any other.
func TestRotate_BacksUpLargeForeignSecrets(t *testing.T) {
	large := func(c string) map[string]any {
		return map[string]any{"api_key": "fake-old", "blob": strings.Repeat(c, 600<<10)}
	}
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, large("a"))
	w := newScenario(t)
	w.killBeforeCommit()
	vaulttest.Put(t, "providers/"+w.Provider, large("b"))
	if found := w.recover(); len(found) != 1 || found[0].Outcome != vaultkit.OutcomeAborted {
		t.Errorf("Recover = %+v, want one aborted rotation", found)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new")); !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("Rotate to a secret of 600 KiB = %v, want ErrInvalid", err)
		}
	})
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(map[string]any{"blob": "small"})); err != nil {
		t.Errorf("Rotate = %v, want success", err)
	}
}

// After a crash between record and expiry tag, Recover writes the tag.
func TestRecover_WritesTheMissingExpiryTag(t *testing.T) {
	w := newScenario(t)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.Reconnect(clienttest.WithRecordWait(2 * time.Second)) // long enough for the record; the tag still fails
	w.Proxy.SetRule(faultproxy.OnEvery("PATCH", "", faultproxy.Refuse()))
	r, err := w.Client.Rotate(t.Context(), w.Provider, vaultkit.NewKey("fake-new"), vaultkit.WithExpiresAt(expires))
	if err != nil || len(r.Warnings) == 0 {
		t.Fatalf("Rotate = %+v, %v, want a warning about the tag", r, err)
	}
	custom := func() map[string]any { return vaulttest.Snapshot(t, w.Provider)["providers/"+w.Provider].Custom }
	if len(custom()) != 0 {
		t.Fatalf("custom metadata = %v before Recover, want no tag", custom())
	}
	w.recover()
	if got := custom(); len(got) != 1 || got["vaultkit_expires_v2"] != expires.Format(time.RFC3339) {
		t.Errorf("custom metadata = %v, want the tag of version 2", got)
	}
	vaulttest.AssertUnchanged(t, w.Provider, func() { w.recover() })
}

// The backup of a running rotation may arrive between the two reads of the rule.
func TestRecover_ReadsALateBackup(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	id := clienttest.Rotate(t, clienttest.New(t), p, "fake-new", vaultkit.WithDryRun()).ID
	vaulttest.Put(t, "providers/"+p, clienttest.NewSecret)
	backup := vaulttest.Mount + "/metadata/" + vaulttest.Base + "/backups/" + p + "/" + id
	vaulttest.Write(t, vaulttest.Root(t), backup, map[string]any{"custom_metadata": map[string]string{"actor": "late"}})
	client := clienttest.NewWithFaults(t, faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/backups/", faultproxy.After(func() {
		vaulttest.Put(t, "backups/"+p+"/"+id, clienttest.OldSecret)
	})))
	found, err := client.Recover(t.Context(), p)
	if err != nil || len(found) != 1 || found[0].Outcome != vaultkit.OutcomeCommitted {
		t.Fatalf("Recover = %+v, %v, want one committed rotation", found, err)
	}
	history, err := client.History(t.Context(), p)
	if err != nil || len(history) != 1 || history[0].Actor != "late" || history[0].Evidence != "inferred" {
		t.Errorf("History = %+v, %v, want the inferred record of \"late\"", history, err)
	}
}

package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// Operations that run at the same time. What one may revoke, restore or abort depends on what
// the others have begun.

// assertOneBackupEach fails if a version from 2 on has no committed record, or two that name a
// backup.
func assertOneBackupEach(t *testing.T, provider string) {
	t.Helper()
	client := clienttest.New(t)
	if _, err := client.Recover(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	history, err := client.History(t.Context(), provider)
	if err != nil {
		t.Fatal(err)
	}
	committed, backups := map[int]int{}, map[int]int{}
	for _, record := range history {
		if record.Outcome == vaultkit.OutcomeCommitted {
			committed[record.NewVersion]++
			if record.Backup != "" {
				backups[record.NewVersion]++
			}
		}
	}
	for version := 2; version <= vaulttest.Snapshot(t, provider)["providers/"+provider].Current; version++ {
		if committed[version] == 0 || backups[version] > 1 {
			t.Errorf("History = %+v; version %d has %d committed records, want at least 1, and %d with a backup, want at most 1",
				history, version, committed[version], backups[version])
		}
	}
}

// A rollback of the deleted version to the same secret crashed. Both count as committed,
// because the version does not show who wrote it, and the rollback's backup is kept.
func TestRestoreAndACrashedRollbackAreBothCommitted(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	crashed := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/providers/"+p, faultproxy.Refuse().Before(cancel)))
	if _, err := crashed.Rollback(ctx, p, ids[0]); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatal(err)
	}
	vaulttest.SoftDelete(t, p)
	if r, err := restore(t, clienttest.New(t), p, ids[0]); err != nil || r.NewVersion != 3 || r.Backup != "" {
		t.Errorf("Rollback(%q) with RestoreDeleted = %+v, %v, want version 3 without a backup", ids[0], r, err)
	}
	assertOneBackupEach(t, p)
}

// A deletion and a restore of the same secret come between a rollback's steps. The rollback
// succeeds, because the secret is in force.
func TestRollbackOvertakenByARestoreSucceeds(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	live := clienttest.NewWithFaults(t, faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/backups/", faultproxy.Before(func() {
		vaulttest.SoftDelete(t, p)
		if _, err := restore(t, client, p, ids[0]); err != nil {
			t.Error(err)
		}
	})))
	if r, err := live.Rollback(t.Context(), p, ids[0]); err != nil || r.NewVersion != 3 {
		t.Errorf("Rollback(%q) = %+v, %v, want version 3", ids[0], r, err)
	}
	assertOneBackupEach(t, p)
}

// A restore dies, its version is undeleted, and a rollback to the same secret loses a response.
// The rollback's result is true, and its backup is the only copy of what it replaced.
func TestRestoreDoesNotHideARollback(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	vaulttest.SoftDelete(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dies := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/providers/"+p, faultproxy.Refuse().Before(cancel)))
	if _, err := dies.Rollback(ctx, p, ids[0], vaultkit.RestoreDeleted()); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatal(err)
	}
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Undelete(t.Context(), vaulttest.Base+"/providers/"+p, []int{2}); err != nil {
		t.Fatal(err)
	}
	lost := clienttest.NewWithFaults(t, clienttest.OnCommit(p, faultproxy.Lose()))
	r, err := lost.Rollback(t.Context(), p, ids[0])
	if err != nil || r.NewVersion != 3 || r.Backup == "" {
		t.Fatalf("Rollback(%q) = %+v, %v, want version 3 with a backup", ids[0], r, err)
	}
	assertOneBackupEach(t, p)
	if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	if backup := vaulttest.Snapshot(t, p)["backups/"+p+"/"+r.Backup]; !vaulttest.SameJSON(t, backup.Versions[1]["api_key"], "fake-0") {
		t.Errorf("backup %s = %+v, want the secret that the rollback replaced (fake-0)", r.Backup, backup)
	}
}

// A restore dies at any request. Recover or a second run finishes it, and Status shows it.
func TestRestore_KilledAtEachRequest(t *testing.T) {
	client := clienttest.New(t)
	count := func() int {
		p, id := newDeletedProvider(t, false)
		proxy := clienttest.NewProxy(t)
		victim := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
		proxy.Reset()
		if _, err := restore(t, victim, p, id); err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(proxy.Log(), beside))
	}()
	for n := 1; n <= count; n++ {
		for _, die := range []func(func()) faultproxy.Action{faultproxy.Refuse().Before, faultproxy.Kill} {
			p, id := newDeletedProvider(t, false)
			ctx, cancel := context.WithCancel(t.Context())
			victim := clienttest.NewWithFaults(t, dieAt(nth(n), die(cancel)), clienttest.WithRecordWait(20*time.Millisecond))
			_, err := victim.Rollback(ctx, p, id, vaultkit.RestoreDeleted())
			cancel()
			applied := vaulttest.Snapshot(t, p)["providers/"+p].Current == 3
			if err == nil != applied && !errors.Is(err, vaultkit.ErrUndetermined) {
				t.Errorf("killed at request %d: Rollback = %v, applied %t, want ErrUndetermined or an error that agrees", n, err, applied)
			}
			if found, err := client.Recover(t.Context(), p); err != nil || applied && len(found) > 1 {
				t.Errorf("killed at request %d: Recover = %+v, %v, want at most one outcome", n, found, err)
			}
			if r, err := restore(t, client, p, id); err != nil || r.NewVersion != 3 || r.Resumed != applied {
				t.Errorf("killed at request %d: the second Rollback = %+v, %v, want version 3, resumed %t", n, r, err, applied)
			}
			assertRestoredOnce(t, p)
		}
	}
}

// An unrecorded restore is no evidence for what it replaced.
func TestRecover_TakesNoRestoreForEvidence(t *testing.T) {
	w := newScenario(t)
	w.keepVersions(2)
	w.killBeforeRecord() // version 2 committed, not recorded
	id := backupIDs(t, w.Provider)[0]
	vaulttest.SoftDelete(t, w.Provider)
	if _, err := restore(t, w.Direct, w.Provider, id); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "providers/"+w.Provider, map[string]any{"api_key": "fake-foreign"}) // prunes version 2
	for _, one := range w.recover() {
		if one.ID == id && one.Outcome != vaultkit.OutcomeUnknown {
			t.Errorf("Recover = %+v, want OutcomeUnknown", one)
		}
	}
}

// A restore without an id replaces only the version for which its backup was chosen.
func TestRestore_ReplacesOnlyTheExpectedVersion(t *testing.T) {
	p, _ := newDeletedProvider(t, false)
	overtaken := clienttest.NewWithFaults(t, faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/backups/", faultproxy.Before(func() {
		vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-good"})
		vaulttest.SoftDelete(t, p)
	})))
	if _, err := overtaken.Rollback(t.Context(), p, "", vaultkit.RestoreDeleted()); !errors.Is(err, vaultkit.ErrConflict) {
		t.Errorf("Rollback = %v, want ErrConflict", err)
	}
}

// A revoked key is recognized by its fingerprint, also after its backup was pruned.
func TestRevokedKey_IsRecognizedAfterPruning(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	first := clienttest.Rotate(t, client, p, "fake-1").ID
	if _, err := client.Rollback(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	clienttest.Rotate(t, client, p, "fake-2") // backs fake-old up once more
	if _, err := client.RevokeOld(t.Context(), p, first, &clienttest.Revoker{}, vaultkit.IgnoreOtherProviders()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrInvalid) || !strings.Contains(err.Error(), "(rotation v1)") {
			t.Errorf("Rollback = %v, want ErrInvalid that names rotation v1", err)
		}
	})
}

// A key is not revoked while the commit of a rollback to it is on its way.
func TestRevokeOld_RefusesDuringAnUndecidedRollback(t *testing.T) {
	p, ids := clienttest.PutRotatedProvider(t, 1)
	proxy, release, api := clienttest.NewProxy(t), make(chan struct{}), &clienttest.Revoker{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	victim := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
	proxy.SetRule(clienttest.OnCommit(p, faultproxy.Late(release).Before(cancel)))
	if _, err := victim.Rollback(ctx, p, ids[0]); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatal(err)
	}
	if _, err := clienttest.New(t).RevokeOld(t.Context(), p, ids[0], api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrConflict) || len(api.Revoked) > 0 {
		t.Errorf("RevokeOld = %v, revoked %v, want ErrConflict and no call of the revoker", err, api.Revoked)
	}
	close(release)
	proxy.Wait()
}

// Without the capability to record the revocation, nothing is revoked. A number that is in
// force again is not revoked either.
func TestRevokeOld_ChecksBeforeCallingRevoker(t *testing.T) {
	api := &clienttest.Revoker{}
	p, ids := clienttest.PutRotatedProvider(t, 1)
	policy := clienttest.WithoutRight(vaulttest.Policy(t, "../../", "revoker"), clienttest.Right{Path: "secret/data/goblin-assistant/rotations/+/+", Capability: "create"})
	if _, err := clienttest.NewWithPolicy(t, policy).RevokeOld(t.Context(), p, ids[0], api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrPermissionDenied) {
		t.Errorf("RevokeOld without the capability to record = %v, want ErrPermissionDenied", err)
	}
	client := clienttest.New(t)
	number := vaulttest.PutProvider(t, map[string]any{"pin": 1234})
	first, err := client.Rotate(t.Context(), number, vaultkit.NewFields(map[string]any{"pin": 9999}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Rollback(t.Context(), number, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := client.RevokeOld(t.Context(), number, first.ID, api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrConflict) {
		t.Errorf("RevokeOld of a number in force = %v, want ErrConflict", err)
	}
	if len(api.Revoked) > 0 {
		t.Errorf("the revoker was called with %v, want no call", api.Revoked)
	}
}

// The provider's API returns the same key twice. It is not revoked while an earlier run's
// commit may be on its way.
func TestRotate_KeepsTheIssuedKeyOfAnEarlierRun(t *testing.T) {
	p, source := vaulttest.PutProvider(t, clienttest.OldSecret), clienttest.NewIssuingSource()
	proxy, release := clienttest.NewProxy(t), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	victim := clienttest.New(t, vaultkit.WithAddress(proxy.URL()))
	proxy.SetRule(clienttest.OnCommit(p, faultproxy.Late(release).Before(cancel)))
	if _, err := victim.Rotate(ctx, p, source); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatal(err)
	}
	source.VerifyErr = errors.New("the API is down")
	if _, err := clienttest.New(t).Rotate(t.Context(), p, source); err == nil || len(source.Revoked) > 0 {
		t.Errorf("Rotate = %v, revoked %v, want an error and no revocation", err, source.Revoked)
	}
	close(release)
	proxy.Wait()
	if key := clienttest.APIKey(t, clienttest.New(t), p); key != "fake-issued" {
		t.Errorf("GetAPIKey(%q) = %q, want %q", p, key, "fake-issued")
	}
}

// A foreign write between two reads of Abort is not a fence.
func TestAbort_TakesNoForeignWriteForItsFence(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	id := clienttest.CrashBeforeCommit(t, p, "fake-new")
	between := clienttest.NewWithFaults(t, faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/providers/"+p, faultproxy.Before(func() {
		vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
	})))
	r, err := between.Abort(t.Context(), p, id)
	if err != nil || r.Outcome != vaultkit.OutcomeAborted || r.Cause != "" {
		t.Errorf("Abort = %+v, %v, want aborted without a cause", r, err)
	}
}

// An Abort dies after its fence. The client that records the rotation copies the expiry tag.
func TestRecover_CopiesTheTagOfAFence(t *testing.T) {
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	for name, finish := range map[string]func(client *vaultkit.Client, p, id string) error{
		"recover": func(client *vaultkit.Client, p, _ string) error {
			return clienttest.ErrorOf(client.Recover(t.Context(), p))
		},
		"again": func(client *vaultkit.Client, p, id string) error {
			return clienttest.ErrorOf(client.Abort(t.Context(), p, id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := clienttest.New(t)
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(expires))
			id := clienttest.CrashBeforeCommit(t, p, "fake-2")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			dies := clienttest.NewWithFaults(t, clienttest.OnCommit(p, faultproxy.Kill(cancel)))
			if _, err := dies.Abort(ctx, p, id); !errors.Is(err, vaultkit.ErrUndetermined) {
				t.Fatal(err)
			}
			if err := finish(client, p, id); err != nil {
				t.Fatal(err)
			}
			status := clienttest.Status(t, client, vaultkit.StatusQuery{Providers: []string{p}, DueWithin: 2 * time.Hour})
			history, err := client.History(t.Context(), p)
			if err != nil || status[0].Due != "expiring" || history[0].Cause != "fenced by version 3" {
				t.Errorf("Status = %+v, History = %+v, %v, want expiring and the cause fenced by version 3", status[0], history[0], err)
			}
		})
	}
}

// A recorded outcome is returned although the evidence is gone.
func TestRotate_ReturnsTheRecordedOutcomeWithoutEvidence(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	victim := clienttest.NewWithFaults(t, faultproxy.Rules(clienttest.OnCommit(p, faultproxy.Lose()), faultproxy.OnMatch("GET", "/data/"+vaulttest.Base+"/backups/", faultproxy.Before(func() {
		if _, err := client.Recover(t.Context(), p); err != nil {
			t.Error(err)
		}
		clienttest.Rotate(t, client, p, "fake-later")
		if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
			t.Error(err)
		}
	}))))
	if r, err := victim.Rotate(t.Context(), p, vaultkit.NewKey("fake-new")); err != nil || r.NewVersion != 2 {
		t.Errorf("Rotate = %+v, %v, want version 2", r, err)
	}
}

// A forged record does not decide what a rollback restores: one with another time is ignored,
// and one with the right time does not match.
func TestRollback_IgnoresAForgedRecord(t *testing.T) {
	client := clienttest.New(t)
	plant := func(p, planted string) {
		vaulttest.Put(t, "backups/"+p+"/"+planted, map[string]any{"api_key": "fake-attacker"})
		vaulttest.Put(t, "rotations/"+p+"/"+planted, map[string]any{"schema": 1, "id": planted, "provider": p, "outcome": "committed",
			"evidence": "acknowledged", "old_version": 1, "new_version": 2, "backup": planted, "fields_changed": []string{}, "vault_request_ids": map[string]any{}})
	}
	p, ids := clienttest.PutRotatedProvider(t, 1)
	plant(p, ids[0][:len(ids[0])-32]+strings.Repeat("0", 32))
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.Rollback(t.Context(), p, ""); !errors.Is(err, vaultkit.ErrInvalid) {
			t.Errorf("Rollback with a planted record of the right time = %v, want ErrInvalid", err)
		}
	})
	p, ids = clienttest.PutRotatedProvider(t, 1)
	plant(p, "20300101T000000.000000000Z-v1-"+strings.Repeat("0", 32))
	if r, err := client.Rollback(t.Context(), p, ""); err != nil || r.Source != "rollback:"+ids[0] {
		t.Errorf("Rollback with a planted record of another time = %+v, %v, want a rollback to %s", r, err, ids[0])
	}
}

func TestRotateAllWithAnyNumberOfWorkers(t *testing.T) {
	client := clienttest.New(t)
	for _, workers := range []int{math.MaxInt, 1 << 62, 1 << 61} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			for one := range client.RotateAll(t.Context(), workers, clienttest.PutProviders(t, 2), vaultkit.RandomKey()) {
				if one.Err != nil {
					t.Error(one.Err)
				}
			}
		})
	}
}

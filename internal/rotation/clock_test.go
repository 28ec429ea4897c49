package rotation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// The clocks of Vault's nodes do not decide which version is newer.

// skew is a Vault whose nodes have different clocks: it reports other times for some versions.
type skew struct {
	http.RoundTripper
	mu    sync.Mutex
	times map[string]string
}

// newSkewed returns a client of such a Vault.
func newSkewed(t *testing.T) (*vaultkit.Client, *skew) {
	t.Helper()
	s := &skew{times: map[string]string{}}
	return clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		s.RoundTripper = next
		return s
	})), s
}

func (s *skew) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for actual, told := range s.times {
		body = bytes.ReplaceAll(body, []byte(actual), []byte(told))
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, err
}

// created returns when a version was written.
func created(t *testing.T, provider string, version int) time.Time {
	t.Helper()
	meta, err := vaulttest.Root(t).KVv2(vaulttest.Mount).GetMetadata(t.Context(), vaulttest.Base+"/providers/"+provider)
	if err != nil {
		t.Fatal(err)
	}
	return meta.Versions[fmt.Sprint(version)].CreatedTime
}

// setTime makes Vault report another time for the version that was written at actual.
func (s *skew) setTime(actual, told time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[actual.Format(time.RFC3339Nano)] = told.Format(time.RFC3339Nano)
}

// After a failover to a node whose clock is behind, the newest backup has the earliest time.
func TestClockThatStepsBack_ChangesNoOrder(t *testing.T) {
	client, skew := newSkewed(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	clienttest.Rotate(t, client, p, "fake-1")
	clienttest.Rotate(t, client, p, "fake-2")
	skew.setTime(created(t, p, 3), created(t, p, 3).Add(-10*time.Minute))
	newest := clienttest.Rotate(t, client, p, "fake-3")

	backups, err := client.Backups(t.Context(), p)
	if err != nil || backups[0].ID != newest.ID {
		t.Errorf("Backups = %+v, %v, want %s first", backups, err, newest.ID)
	}
	history, err := client.History(t.Context(), p)
	if err != nil || history[0].ID != newest.ID {
		t.Errorf("History = %+v, %v, want %s first", history, err, newest.ID)
	}
	pruned, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1})
	if err != nil || len(pruned) != 2 || pruned[1].ID == newest.ID {
		t.Errorf("PruneBackups = %+v, %v, want all but %s", pruned, err, newest.ID)
	}
	if r, err := client.Rollback(t.Context(), p, ""); err != nil || r.Source != "rollback:"+newest.ID {
		t.Errorf("Rollback = %+v, %v, want one to %s", r, err, newest.ID)
	}
}

// If one version is kept, Vault does not know the times of replaced versions, so it is not
// known whether a backup belongs to this provider. The newest one is still kept.
func TestClockThatStepsBack_RemovesNoBackup(t *testing.T) {
	client, skew := newSkewed(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	keepVersions(t, p, 1)
	clienttest.Rotate(t, client, p, "fake-1")
	clienttest.Rotate(t, client, p, "fake-2")
	skew.setTime(created(t, p, 3), created(t, p, 3).Add(-10*time.Minute))
	newest := clienttest.Rotate(t, client, p, "fake-3")
	if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	if backup := vaulttest.Snapshot(t, p)["backups/"+p+"/"+newest.ID]; !vaulttest.SameJSON(t, backup.Versions[1]["api_key"], "fake-2") {
		t.Errorf("backup %s = %+v, want the secret that was replaced last (fake-2)", newest.ID, backup)
	}
}

// The version of a rotation is pruned. The backup of that version shows that the rotation is
// committed, although its time is earlier.
func TestClockThatStepsBack_HidesNoCommit(t *testing.T) {
	client, skew := newSkewed(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	keepVersions(t, p, 1)
	first := created(t, p, 1)
	clienttest.Rotate(t, client, p, "fake-1")
	second := created(t, p, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dies := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/rotations/", faultproxy.Refuse().Before(cancel)), clienttest.WithRecordWait(20*time.Millisecond))
	if _, err := dies.Rotate(ctx, p, vaultkit.NewKey("fake-2")); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatal(err)
	}
	skew.setTime(created(t, p, 3), first.Add(second.Sub(first)/2))
	clienttest.Rotate(t, client, p, "fake-3")
	found, err := client.History(t.Context(), p)
	if i := slices.IndexFunc(found, func(r vaultkit.Record) bool { return r.NewVersion == 3 }); err != nil || i < 0 || found[i].Outcome != vaultkit.OutcomeCommitted {
		t.Errorf("History = %+v, %v, want a committed record of version 3", found, err)
	}
}

func keepVersions(t *testing.T, provider string, n int) {
	t.Helper()
	path := vaulttest.Mount + "/metadata/" + vaulttest.Base + "/providers/" + provider
	if _, err := vaulttest.Root(t).Logical().WriteWithContext(t.Context(), path, object{"max_versions": n}); err != nil {
		t.Fatal(err)
	}
}

// The tag of an earlier rotation arrives late and keeps the later one's.
func TestLateExpiryTagLeavesTheNewest(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	proxy, release := clienttest.NewProxy(t), make(chan struct{})
	slow := clienttest.New(t, vaultkit.WithAddress(proxy.URL()), clienttest.WithRecordWait(100*time.Millisecond))
	proxy.SetRule(faultproxy.OnMatch("PATCH", "/metadata/"+vaulttest.Base+"/providers/", faultproxy.Late(release)))
	soon, later := time.Now().Add(time.Hour).UTC().Truncate(time.Second), time.Now().Add(1000*time.Hour).UTC().Truncate(time.Second)
	if _, err := slow.Rotate(t.Context(), p, vaultkit.NewKey("fake-1"), vaultkit.WithExpiresAt(soon)); err != nil {
		t.Fatal(err)
	}
	clienttest.Rotate(t, client, p, "fake-2", vaultkit.WithExpiresAt(later))
	close(release)
	proxy.Wait()
	status := clienttest.Status(t, client, vaultkit.StatusQuery{Providers: []string{p}, DueWithin: 24 * time.Hour})[0]
	if !status.ExpiresAt.Equal(later) || status.Due != "" {
		t.Errorf("Status = %+v, want that it expires at %s and is not due", status, later)
	}
}

// The tag of an older version of vaultkit is read, and removed by the next one.
func TestOldExpiryTagIsReadAndReplaced(t *testing.T) {
	client := clienttest.New(t)
	p, _ := clienttest.PutRotatedProvider(t, 1)
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	old := map[string]any{"vaultkit_expires_version": "2", "vaultkit_expires_at": at.Format(time.RFC3339)}
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).PatchMetadata(t.Context(), vaulttest.Base+"/providers/"+p, vaulttest.CustomMetadata(old)); err != nil {
		t.Fatal(err)
	}
	if status := clienttest.Status(t, client, vaultkit.StatusQuery{Providers: []string{p}})[0]; !status.ExpiresAt.Equal(at) {
		t.Errorf("Status = %+v, want that it expires at %s", status, at)
	}
	clienttest.Rotate(t, client, p, "fake-next", vaultkit.WithExpiresAt(at))
	if custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom; len(custom) != 1 || custom["vaultkit_expires_v3"] == nil {
		t.Errorf("custom metadata %v, want the new tag alone", custom)
	}
}

// Old metadata does not show a fence. It is read again after pauses.
func TestAbortPausesWhileMetadataIsOld(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	id := clienttest.CrashBeforeCommit(t, p, "fake-new")
	path := "/v1/" + vaulttest.Mount + "/metadata/" + vaulttest.Base + "/providers/" + p
	var mu sync.Mutex
	var old []byte
	looks := 0
	client := clienttest.New(t, vaultkit.WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(r)
			if err != nil || r.URL.Path != path || r.Method != http.MethodGet {
				return answer, err
			}
			mu.Lock()
			defer mu.Unlock()
			looks++
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if old == nil {
				old = body
			}
			answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(old)), int64(len(old))
			return answer, err
		})
	}), clienttest.WithBackoff(backoff.Backoff{Min: 100 * time.Millisecond, Max: 100 * time.Millisecond}), vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 500 * time.Millisecond}))
	if _, err := client.Abort(t.Context(), p, id); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Errorf("Abort = %v, want ErrUndetermined", err)
	}
	if looks > 15 { // two, and one after each pause of 50 to 100 ms
		t.Errorf("Abort checked %d times in half a second, want at most 15", looks)
	}
}

// A rerun of a committed rotation is never told that nothing was applied.
func TestRotate_RerunReportsThatTheKeyIsInForce(t *testing.T) {
	for _, list := range []string{"backups", "revocations"} {
		p := vaulttest.PutProvider(t, clienttest.OldSecret)
		clienttest.Rotate(t, clienttest.New(t), p, "fake-new")
		client := clienttest.NewWithFaults(t, faultproxy.OnEvery("GET", "/metadata/"+vaulttest.Base+"/"+list+"/", faultproxy.Error(503, `{"errors":["fake trouble"]}`, false)),
			vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 100 * time.Millisecond}))
		_, err := client.Rotate(t.Context(), p, vaultkit.NewKey("fake-new"))
		if list == "revocations" && err == nil {
			continue // that list is not needed any more
		}
		if !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrUnavailable) || !strings.Contains(err.Error(), "already holds the requested secret") {
			t.Errorf("Rotate without the list of %s = %v, want ErrUndetermined that says that the key is in force", list, err)
		}
	}
}

// The records of an earlier provider of the same name do not count.
func TestRevokeOldOfAnEarlierGeneration(t *testing.T) {
	client, api := clienttest.New(t), &clienttest.Revoker{}
	p, ids := clienttest.PutRotatedProvider(t, 1)
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).DeleteMetadata(t.Context(), vaulttest.Base+"/providers/"+p); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		vaulttest.Put(t, "providers/"+p, object{"api_key": fmt.Sprintf("fake-anew-%d", i)})
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.RevokeOld(t.Context(), p, ids[0], api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrConflict) || len(api.Revoked) > 0 {
			t.Errorf("RevokeOld = %v, asked %d times, want ErrConflict and 0", err, len(api.Revoked))
		}
	})
}

// A restore's backup holds the secret that it put in force.
func TestRevokeOldOfARestore(t *testing.T) {
	client, api := clienttest.New(t), &clienttest.Revoker{}
	p, id := newDeletedProvider(t, false)
	r, err := restore(t, client, p, id)
	if err != nil {
		t.Fatal(err)
	}
	// None of what the restore put in force is in force any more.
	if _, err := client.Rotate(t.Context(), p, vaultkit.NewFields(object{"api_key": "fake-later-1", "keep": "fake-later-2"})); err != nil {
		t.Fatal(err)
	}
	vaulttest.AssertUnchanged(t, p, func() {
		if _, err := client.RevokeOld(t.Context(), p, r.ID, api, vaultkit.IgnoreOtherProviders()); !errors.Is(err, vaultkit.ErrConflict) || len(api.Revoked) > 0 {
			t.Errorf("RevokeOld of a restore = %v, asked %d times, want ErrConflict and 0", err, len(api.Revoked))
		}
	})
}

// The version of an aborted restore was undeleted. The fence repeats it and keeps its expiry.
func TestAbortOfARestoreKeepsTheExpiry(t *testing.T) {
	client := clienttest.New(t)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	first := clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(expires))
	vaulttest.SoftDelete(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dies := clienttest.NewWithFaults(t, faultproxy.OnEvery("PUT", "/data/"+vaulttest.Base+"/providers/"+p, faultproxy.Refuse().Before(cancel)))
	_, err := dies.Rollback(ctx, p, first.ID, vaultkit.RestoreDeleted())
	failed, _ := errors.AsType[*vaultkit.Error](err)
	if !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatal(err)
	}
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Undelete(t.Context(), vaulttest.Base+"/providers/"+p, []int{2}); err != nil {
		t.Fatal(err)
	}
	r, err := client.Abort(t.Context(), p, failed.ID)
	if err != nil || r.Outcome != vaultkit.OutcomeAborted || r.Cause != "fenced by version 3" {
		t.Errorf("Abort = %+v, %v, want aborted, fenced by version 3", r, err)
	}
	if status := clienttest.Status(t, client, vaultkit.StatusQuery{Providers: []string{p}})[0]; !status.ExpiresAt.Equal(expires) {
		t.Errorf("Status = %+v, want that it expires at %s", status, expires)
	}
}

// A restore's backup is no copy of what was replaced, so Prune keeps the backup of the rotation
// before.
func TestPruneKeepsTheRotationBeforeARestore(t *testing.T) {
	client := clienttest.New(t)
	p, ids := clienttest.PutRotatedProvider(t, 1)
	vaulttest.SoftDelete(t, p)
	if _, err := restore(t, client, p, ids[0]); err != nil {
		t.Fatal(err)
	}
	vaulttest.Put(t, "providers/"+p, object{"api_key": "fake-foreign"})
	if _, err := client.PruneBackups(t.Context(), p, vaultkit.PruneLimits{KeepNewest: 1}); err != nil {
		t.Fatal(err)
	}
	if backup := vaulttest.Snapshot(t, p)["backups/"+p+"/"+ids[0]]; !vaulttest.SameJSON(t, backup.Versions[1], clienttest.OldSecret) {
		t.Errorf("the backup of the rotation is %+v, want %v", backup, clienttest.OldSecret)
	}
}

// An older version of vaultkit wrote a tag for a later version. It is kept.
func TestOldExpiryTagOfALaterVersionStays(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	old := map[string]any{"vaultkit_expires_version": "3", "vaultkit_expires_at": "2030-01-01T00:00:00Z"}
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).PatchMetadata(t.Context(), vaulttest.Base+"/providers/"+p, vaulttest.CustomMetadata(old)); err != nil {
		t.Fatal(err)
	}
	clienttest.Rotate(t, clienttest.New(t), p, "fake-1", vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
	custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom
	if custom["vaultkit_expires_version"] != "3" || custom["vaultkit_expires_v2"] == nil {
		t.Errorf("custom metadata %v, want the tag of version 3 and the new one", custom)
	}
}

// An existing tag is not written again.
func TestRecoverWritesNoTagTwice(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	clienttest.Rotate(t, clienttest.New(t), p, "fake-1", vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
	written := 0
	client := clienttest.NewWithFaults(t, func(r faultproxy.Request) faultproxy.Action {
		if r.Method == http.MethodPatch {
			written++
		}
		return faultproxy.Pass
	})
	if _, err := client.Recover(t.Context(), p); err != nil || written > 0 {
		t.Errorf("Recover = %v, and patched %d times, want 0", err, written)
	}
}

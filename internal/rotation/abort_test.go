package rotation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// newUndecidedScenario returns a scenario whose rotation crashed after its backup. Its commit arrives
// when release is closed.
func newUndecidedScenario(t *testing.T) (w *scenario, id string, release chan struct{}) {
	t.Helper()
	w = newScenario(t)
	w.Reconnect(clienttest.WithRecordWait(100 * time.Millisecond))
	release = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.Proxy.SetRule(faultproxy.Rules(clienttest.OnCommit(w.Provider, faultproxy.Late(release).Before(cancel))))
	if _, err := w.Rotate(ctx, w.Client); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("the killed Rotate = %v, want ErrUndetermined", err)
	}
	found := w.recover()
	if len(found) != 1 || found[0].Outcome != vaultkit.OutcomeUndecided {
		t.Fatalf("Recover = %+v, want one undecided rotation", found)
	}
	return w, found[0].ID, release
}

// deliver lets the late commit arrive.
func (w *scenario) deliver(release chan struct{}) {
	w.Helper()
	close(release)
	w.Proxy.Wait()
}

func TestAbortFencesAnUndecidedRotation(t *testing.T) {
	w, id, release := newUndecidedScenario(t)
	r, err := w.Direct.Abort(t.Context(), w.Provider, id)
	if err != nil || r.Outcome != vaultkit.OutcomeAborted || r.Cause != "fenced by version 2" || r.Resumed || r.ID != id {
		t.Fatalf("Abort = %+v, %v, want aborted, fenced by version 2", r, err)
	}
	vaulttest.AssertUnchanged(t, w.Provider, func() { w.deliver(release) })
	after := vaulttest.Snapshot(t, w.Provider)["providers/"+w.Provider]
	if after.Current != 2 || !vaulttest.SameJSON(t, after.Versions[2], clienttest.OldSecret) {
		t.Errorf("the provider is %+v, want version 2 with the old secret", after)
	}
	vaulttest.AssertUnchanged(t, w.Provider, func() {
		if again, err := w.Direct.Abort(t.Context(), w.Provider, id); err != nil || !again.Resumed || again.Cause != r.Cause {
			t.Errorf("Abort again = %+v, %v, want the same record, resumed", again, err)
		}
	})
	// What was aborted can be rotated again.
	if next := clienttest.Rotate(t, w.Direct, w.Provider, "fake-new"); next.NewVersion != 3 || next.Resumed {
		t.Errorf("Rotate after Abort = %+v, want a new version 3", next)
	}
}

// The late commit arrives before the fence, so the rotation is committed.
func TestAbort_OfACommittedRotationIsAConflict(t *testing.T) {
	w, id, release := newUndecidedScenario(t)
	client := clienttest.NewWithFaults(t, clienttest.OnCommit(w.Provider, faultproxy.Before(func() { w.deliver(release) })))
	r, err := client.Abort(t.Context(), w.Provider, id)
	if !errors.Is(err, vaultkit.ErrConflict) || r == nil || r.Outcome != vaultkit.OutcomeCommitted || r.NewVersion != 2 {
		t.Fatalf("Abort = %+v, %v, want ErrConflict and the committed version 2", r, err)
	}
	w.assertDone()
}

// A fence was applied and its response was lost. Its content identifies it.
func TestAbort_SucceedsAfterOneFault(t *testing.T) {
	for name, fault := range map[string]faultproxy.Action{"refused": faultproxy.Refuse(), "applied, lost": faultproxy.Lose(), "applied, 500": faultproxy.Error(500, `{"errors":["x"]}`, true)} {
		t.Run(name, func(t *testing.T) {
			w, id, release := newUndecidedScenario(t)
			client := clienttest.NewWithFaults(t, clienttest.OnCommit(w.Provider, fault))
			r, err := client.Abort(t.Context(), w.Provider, id)
			if err != nil || r.Outcome != vaultkit.OutcomeAborted || r.Cause != "fenced by version 2" {
				t.Errorf("Abort = %+v, %v, want aborted, fenced by version 2", r, err)
			}
			w.deliver(release)
			if w.version() != 2 {
				t.Errorf("the current version is %d, want 2", w.version())
			}
		})
	}
}

// Once the fence may have been applied, no error is definite.
func TestAbort_LostResponseIsUndetermined(t *testing.T) {
	for name, last := range map[string]faultproxy.Action{
		"unreachable": faultproxy.Refuse(),
		"denied":      faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false),
	} {
		t.Run(name, func(t *testing.T) {
			w, id, release := newUndecidedScenario(t)
			fence := "/data/" + vaulttest.Base + "/providers/" + w.Provider
			late := make(chan struct{})
			client := clienttest.NewWithFaults(t, faultproxy.Rules(faultproxy.OnMatch("PUT", fence, faultproxy.Late(late)), faultproxy.OnEvery("PUT", fence, last)),
				vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 200 * time.Millisecond}))
			vaulttest.AssertUnchanged(t, w.Provider, func() {
				r, err := client.Abort(t.Context(), w.Provider, id)
				if !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrPermissionDenied) || r != nil {
					t.Errorf("Abort = %+v, %v, want only ErrUndetermined", r, err)
				}
			})
			close(late)
			w.deliver(release)
		})
	}
}

func TestAbort_CopiesTheExpiryTag(t *testing.T) {
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(expires))
	id := clienttest.CrashBeforeCommit(t, p, "fake-2")
	if _, err := client.Abort(t.Context(), p, id); err != nil {
		t.Fatal(err)
	}
	custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom
	if len(custom) != 1 || custom["vaultkit_expires_v3"] != expires.Format(time.RFC3339) {
		t.Errorf("custom metadata = %v, want the tag of version 3 alone", custom)
	}
}

// Abort closes a rotation that Recover only reports.
func TestAbort_ClosesUnknownRotations(t *testing.T) {
	client := clienttest.New(t)
	path := func(p string) string { return vaulttest.Base + "/providers/" + p }
	kv := vaulttest.Root(t).KVv2(vaulttest.Mount)
	for name, tc := range map[string]struct {
		happens func(t *testing.T, p string)
		before  vaultkit.Outcome
		cause   string
	}{
		"evidence deleted": {func(t *testing.T, p string) {
			vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-2"})
			vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-3"})
			if err := kv.DeleteVersions(t.Context(), path(p), []int{2}); err != nil {
				t.Fatal(err)
			}
		}, vaultkit.OutcomeUnknown, "removed the evidence"},
		"recreated": {func(t *testing.T, p string) {
			if err := kv.DeleteMetadata(t.Context(), path(p)); err != nil {
				t.Fatal(err)
			}
			vaulttest.Put(t, "providers/"+p, clienttest.OldSecret)
		}, vaultkit.OutcomeRecreated, "created anew"},
	} {
		t.Run(name, func(t *testing.T) {
			p := vaulttest.PutProvider(t, clienttest.OldSecret)
			id := clienttest.CrashBeforeCommit(t, p, "fake-new")
			tc.happens(t, p)
			found, err := client.Recover(t.Context(), p)
			if err != nil || len(found) != 1 || found[0].Outcome != tc.before {
				t.Fatalf("Recover = %+v, %v, want the outcome before Abort", found, err)
			}
			before := vaulttest.Look(t, "providers/"+p)
			r, err := client.Abort(t.Context(), p, id)
			if err != nil || r.Outcome != vaultkit.OutcomeUnknown || !strings.Contains(r.Cause, tc.cause) {
				t.Errorf("Abort = %+v, %v, want the outcome unknown and its cause", r, err)
			}
			if !vaulttest.SameJSON(t, before, vaulttest.Look(t, "providers/"+p)) {
				t.Error("Abort changed the provider, want no change")
			}
			if found, err := client.Recover(t.Context(), p); err != nil || len(found) != 0 {
				t.Errorf("Recover after Abort = %+v, %v, want nothing", found, err)
			}
		})
	}
}

func TestAbortRefuses(t *testing.T) {
	client := clienttest.New(t)
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	committed := clienttest.Rotate(t, client, p, "fake-1").ID
	undecided := clienttest.CrashBeforeCommit(t, p, "fake-2")
	another := clienttest.Rotate(t, client, vaulttest.PutProvider(t, clienttest.OldSecret), "fake-1").ID
	deleted := vaulttest.PutProvider(t, clienttest.OldSecret)
	fromDeleted := clienttest.CrashBeforeCommit(t, deleted, "fake-2")
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+deleted); err != nil {
		t.Fatal(err)
	}
	recoverer := clienttest.NewWithPolicy(t, vaulttest.Policy(t, "../../", "recoverer"))
	for name, tc := range map[string]struct {
		client       *vaultkit.Client
		provider, id string
		want         error
	}{
		"no id":                {client, p, "x", vaultkit.ErrInvalid},
		"no provider":          {client, "../x", undecided, vaultkit.ErrInvalid},
		"another provider's":   {client, p, another, vaultkit.ErrNotFound},
		"committed":            {client, p, committed, vaultkit.ErrConflict},
		"deleted provider":     {client, deleted, fromDeleted, vaultkit.ErrDeleted},
		"without the right to": {recoverer, p, undecided, vaultkit.ErrPermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			vaulttest.AssertUnchanged(t, p, func() {
				vaulttest.AssertUnchanged(t, deleted, func() {
					r, err := tc.client.Abort(t.Context(), tc.provider, tc.id)
					if !errors.Is(err, tc.want) || errors.Is(err, vaultkit.ErrUndetermined) || (r != nil) != errors.Is(err, vaultkit.ErrConflict) {
						t.Errorf("Abort = %+v, %v, want an error", r, err)
					}
				})
			})
		})
	}
}

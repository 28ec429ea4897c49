package vaultkit_test

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

// undecidedWorld is a world whose rotation crashed after its backup, with the
// commit still on its way until release is closed.
func undecidedWorld(t *testing.T) (w *world, id string, release chan struct{}) {
	t.Helper()
	w = newWorld(t)
	w.newVictim(clienttest.WithRecordWait(100 * time.Millisecond))
	release = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.proxy.SetRule(faultproxy.Rules(beforeCommitOf(w.provider, faultproxy.Late(release).Before(cancel))))
	if _, err := w.rotate(ctx, w.victim); !errors.Is(err, vaultkit.ErrUndetermined) {
		t.Fatalf("the crashed rotation was told %v", err)
	}
	found := w.recover()
	if len(found) != 1 || found[0].Outcome != vaultkit.Undecided {
		t.Fatalf("Recover = %+v", found)
	}
	return w, found[0].ID, release
}

func beforeCommitOf(provider string, action faultproxy.Action) faultproxy.Rule {
	return faultproxy.OnMatch("PUT", "/data/"+vaulttest.Base+"/providers/"+provider, action)
}

// deliver lets the late commit arrive.
func (w *world) deliver(release chan struct{}) {
	w.Helper()
	close(release)
	w.proxy.Wait()
}

func TestAbortFencesAnUndecidedRotation(t *testing.T) {
	w, id, release := undecidedWorld(t)
	r, err := w.other.Abort(t.Context(), w.provider, id)
	if err != nil || r.Outcome != vaultkit.Aborted || r.Cause != "fenced by version 2" || r.Resumed || r.ID != id {
		t.Fatalf("Abort = %+v, %v", r, err)
	}
	unchanged(t, w.provider, func() { w.deliver(release) })
	after := vaulttest.Snapshot(t, w.provider)["providers/"+w.provider]
	if after.Current != 2 || !sameJSON(t, after.Versions[2], oldSecret) {
		t.Errorf("provider %+v", after)
	}
	unchanged(t, w.provider, func() {
		if again, err := w.other.Abort(t.Context(), w.provider, id); err != nil || !again.Resumed || again.Cause != r.Cause {
			t.Errorf("Abort again = %+v, %v", again, err)
		}
	})
	// What was aborted can be rotated again.
	if next := rotate(t, w.other, w.provider, "fake-new"); next.NewVersion != 3 || next.Resumed {
		t.Errorf("rotation %+v", next)
	}
}

// The late commit wins the race with the fence: then it is committed.
func TestAbortOfWhatTurnsOutCommitted(t *testing.T) {
	w, id, release := undecidedWorld(t)
	client := throughProxy(t, beforeCommitOf(w.provider, faultproxy.Before(func() { w.deliver(release) })))
	r, err := client.Abort(t.Context(), w.provider, id)
	if !errors.Is(err, vaultkit.ErrConflict) || r == nil || r.Outcome != vaultkit.Committed || r.NewVersion != 2 {
		t.Fatalf("Abort = %+v, %v", r, err)
	}
	w.done()
}

// A fence that is applied and whose answer is lost is known by what it wrote.
func TestAbortRidesOutOneFault(t *testing.T) {
	for name, fault := range map[string]faultproxy.Action{"refused": faultproxy.Refuse(), "applied, lost": faultproxy.Lose(), "applied, 500": faultproxy.Error(500, `{"errors":["x"]}`, true)} {
		t.Run(name, func(t *testing.T) {
			w, id, release := undecidedWorld(t)
			client := throughProxy(t, beforeCommitOf(w.provider, fault))
			r, err := client.Abort(t.Context(), w.provider, id)
			if err != nil || r.Outcome != vaultkit.Aborted || r.Cause != "fenced by version 2" {
				t.Errorf("Abort = %+v, %v", r, err)
			}
			w.deliver(release)
			if w.version() != 2 {
				t.Errorf("version %d", w.version())
			}
		})
	}
}

// Once the fence may have been applied, nothing definite is said.
func TestAbortInDoubt(t *testing.T) {
	for name, last := range map[string]faultproxy.Action{
		"unreachable": faultproxy.Refuse(),
		"denied":      faultproxy.Error(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`, false),
	} {
		t.Run(name, func(t *testing.T) {
			w, id, release := undecidedWorld(t)
			fence := "/data/" + vaulttest.Base + "/providers/" + w.provider
			late := make(chan struct{})
			client := throughProxy(t, faultproxy.Rules(faultproxy.OnMatch("PUT", fence, faultproxy.Late(late)), faultproxy.OnEvery("PUT", fence, last)),
				vaultkit.WithTimeouts(vaultkit.Timeouts{Write: 200 * time.Millisecond}))
			unchanged(t, w.provider, func() {
				r, err := client.Abort(t.Context(), w.provider, id)
				if !errors.Is(err, vaultkit.ErrUndetermined) || errors.Is(err, vaultkit.ErrPermissionDenied) || r != nil {
					t.Errorf("Abort = %+v, %v", r, err)
				}
			})
			close(late)
			w.deliver(release)
		})
	}
}

func TestAbortCarriesTheExpiryTagOver(t *testing.T) {
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	client := newClient(t)
	p := store(t, oldSecret)
	rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(expires))
	id := crashBeforeCommit(t, p, "fake-2")
	if _, err := client.Abort(t.Context(), p, id); err != nil {
		t.Fatal(err)
	}
	custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom
	if len(custom) != 1 || custom["vaultkit_expires_v3"] != expires.Format(time.RFC3339) {
		t.Errorf("tag %v", custom)
	}
}

// crashBeforeCommit leaves an undecided rotation and returns its id.
func crashBeforeCommit(t *testing.T, provider, key string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := throughProxy(t, beforeCommitOf(provider, faultproxy.Refuse().Before(cancel)))
	_, err := client.Rotate(ctx, provider, vaultkit.NewKey(key))
	failed, ok := errors.AsType[*vaultkit.Error](err)
	if !ok || failed.ID == "" {
		t.Fatalf("Rotate = %v", err)
	}
	return failed.ID
}

// What Recover only reports, a person can close.
func TestAbortClosesTheUnknown(t *testing.T) {
	client := newClient(t)
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
		}, vaultkit.Unknown, "removed the evidence"},
		"recreated": {func(t *testing.T, p string) {
			if err := kv.DeleteMetadata(t.Context(), path(p)); err != nil {
				t.Fatal(err)
			}
			vaulttest.Put(t, "providers/"+p, oldSecret)
		}, vaultkit.Recreated, "created anew"},
	} {
		t.Run(name, func(t *testing.T) {
			p := store(t, oldSecret)
			id := crashBeforeCommit(t, p, "fake-new")
			tc.happens(t, p)
			found, err := client.Recover(t.Context(), p)
			if err != nil || len(found) != 1 || found[0].Outcome != tc.before {
				t.Fatalf("Recover = %+v, %v", found, err)
			}
			before := vaulttest.Look(t, "providers/"+p)
			r, err := client.Abort(t.Context(), p, id)
			if err != nil || r.Outcome != vaultkit.Unknown || !strings.Contains(r.Cause, tc.cause) {
				t.Errorf("Abort = %+v, %v", r, err)
			}
			if !sameJSON(t, before, vaulttest.Look(t, "providers/"+p)) {
				t.Error("the provider changed")
			}
			if found, err := client.Recover(t.Context(), p); err != nil || len(found) != 0 {
				t.Errorf("Recover = %+v, %v", found, err)
			}
		})
	}
}

func TestAbortRefuses(t *testing.T) {
	client := newClient(t)
	p := store(t, oldSecret)
	committed := rotate(t, client, p, "fake-1").ID
	undecided := crashBeforeCommit(t, p, "fake-2")
	another := rotate(t, client, store(t, oldSecret), "fake-1").ID
	deleted := store(t, oldSecret)
	fromDeleted := crashBeforeCommit(t, deleted, "fake-2")
	if err := vaulttest.Root(t).KVv2(vaulttest.Mount).Delete(t.Context(), vaulttest.Base+"/providers/"+deleted); err != nil {
		t.Fatal(err)
	}
	recoverer := as(t, vaulttest.Policy(t, "", "recoverer"))
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
			unchanged(t, p, func() {
				unchanged(t, deleted, func() {
					r, err := tc.client.Abort(t.Context(), tc.provider, tc.id)
					if !errors.Is(err, tc.want) || errors.Is(err, vaultkit.ErrUndetermined) || (r != nil) != errors.Is(err, vaultkit.ErrConflict) {
						t.Errorf("Abort = %+v, %v", r, err)
					}
				})
			})
		})
	}
}

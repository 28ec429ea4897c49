package rotation_test

import (
	"context"
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/backoff"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// After the fence the outcome is known, and there is nothing to wait for.
func TestAbort_WaitsForNothingAfterItsFence(t *testing.T) {
	p := vaulttest.PutProvider(t, clienttest.OldSecret)
	id := clienttest.CrashBeforeCommit(t, p, "fake-new")
	client := clienttest.New(t, clienttest.WithBackoff(backoff.Backoff{Min: time.Hour, Max: time.Hour}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if r, err := client.Abort(ctx, p, id); err != nil || r.Outcome != vaultkit.OutcomeAborted {
		t.Errorf("Abort with pauses of an hour = %+v, %v, want aborted at once", r, err)
	}
}

// The tag of a fence that was replaced would tell nobody anything.
func TestRecover_CopiesNoTagToAReplacedFence(t *testing.T) {
	client, p := clienttest.New(t), vaulttest.PutProvider(t, clienttest.OldSecret)
	clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(time.Now().Add(time.Hour)))
	clienttest.CrashBeforeCommit(t, p, "fake-2")
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-1", "keep": "kept"}) // as a fence does
	vaulttest.Put(t, "providers/"+p, map[string]any{"api_key": "fake-foreign"})
	if found, err := client.Recover(t.Context(), p); err != nil || len(found) != 1 || found[0].Outcome != vaultkit.OutcomeAborted {
		t.Fatalf("Recover = %+v, %v, want one aborted rotation", found, err)
	}
	custom := vaulttest.Snapshot(t, p)["providers/"+p].Custom
	if len(custom) != 1 || custom["vaultkit_expires_v2"] == nil {
		t.Errorf("custom metadata = %v after Recover, want the tag of version 2 alone", custom)
	}
}

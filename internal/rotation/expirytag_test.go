package rotation_test

import (
	"testing"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// Recover completes the tag of the newest rotation, also if it records an earlier one first.
func TestRecover_WritesTheTagOfTheNewestRotation(t *testing.T) {
	p, expires := vaulttest.PutProvider(t, clienttest.OldSecret), time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	client := clienttest.NewWithFaults(t, faultproxy.OnEvery("PATCH", "", denial))
	first := clienttest.Rotate(t, client, p, "fake-1", vaultkit.WithExpiresAt(expires.Add(time.Hour))).ID
	clienttest.Rotate(t, client, p, "fake-2", vaultkit.WithExpiresAt(expires))
	deleteEntry(t, "rotations/"+p+"/"+first)
	if found, err := clienttest.New(t).Recover(t.Context(), p); err != nil || len(found) != 1 || found[0].ID != first {
		t.Fatalf("Recover = %+v, %v, want the resolution of %s", found, err, first)
	}
	if got := vaulttest.Snapshot(t, p)["providers/"+p].Custom; len(got) != 1 || got["vaultkit_expires_v3"] != expires.Format(time.RFC3339) {
		t.Errorf("custom metadata = %v after Recover, want the tag of version 3 alone", got)
	}
}

package rotation_test

import (
	"errors"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/internal/clienttest"
	"goblin/vaultkit/internal/vaulttest"
)

// A field that is no key has no entry: other secrets have the same value.
func TestRotate_AnnouncesOnlyKeysBeforeItRevokesThem(t *testing.T) {
	p, source := vaulttest.PutProvider(t, object{"api_key": "fake-old", "enabled": false, "note": "x"}), clienttest.NewIssuingSource()
	source.Fields = object{"api_key": "fake-issued", "enabled": true, "note": " "}
	client := clienttest.NewWithFaults(t, clienttest.BeforeCommit(p, func() { clienttest.Rotate(t, clienttest.New(t), p, "fake-rival") }))
	if _, err := client.Rotate(t.Context(), p, source); !errors.Is(err, vaultkit.ErrConflict) || len(source.Revoked) != 1 {
		t.Fatalf("Rotate = %v, and revoked %v, want ErrConflict and the issued key revoked", err, source.Revoked)
	}
	entries := 0
	for path := range vaulttest.Snapshot(t, p) {
		if strings.HasPrefix(path, "revocations/") {
			entries++
		}
	}
	if entries != 1 {
		t.Errorf("%d entries announce the revocation, want 1, for api_key", entries)
	}
}
